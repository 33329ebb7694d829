package graphsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// maxBatch is the maximum number of requests in a batch.
const maxBatch = 20

type batchPart struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`
}

// batch is /$batch (learn.microsoft.com/graph/json-batching): the envelope is 200 even if parts fail.
func (s *Sim) batch(c *call) response {
	var in struct{ Requests []batchPart }
	if err := json.Unmarshal(c.body, &in); err != nil || !strings.HasPrefix(c.r.Header.Get("Content-Type"), "application/json") {
		return graphError(c, 400, "BadRequest", "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	}
	if problem := checkBatch(in.Requests); problem != "" {
		return graphError(c, 400, "BadRequest", problem)
	}
	status := map[string]int{}
	perMailbox := map[string]int{}
	order := make([]int, len(in.Requests))
	responses := make([]response, len(in.Requests))
	for i, p := range in.Requests {
		responses[i] = s.batchPart(c, p, status, perMailbox)
		status[fold(p.ID)] = responses[i].status
		order[i] = i
	}
	if s.shuffles() {
		s.rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	var w jsonWriter
	w.raw(`{"responses":[`)
	for n, i := range order {
		w.comma(n)
		w.part(in.Requests[i].ID, responses[i])
	}
	w.raw("]}")
	return rawGraphResponse(w.b)
}

// checkBatch validates the envelope and returns an error message or "".
func checkBatch(parts []batchPart) string {
	if len(parts) == 0 || len(parts) > maxBatch {
		return fmt.Sprintf("Number of batch request steps must be 1 to the maximum value of %d; it is %d.", maxBatch, len(parts))
	}
	seen := map[string]bool{}
	for _, p := range parts {
		switch {
		case p.ID == "" || seen[fold(p.ID)]:
			return "Every batch request must have a unique id; '" + p.ID + "' is empty or not unique."
		case p.Method == "" || p.URL == "":
			return "Every batch request must have a method and a url."
		case strings.Contains(p.URL, "$batch"):
			return "A batch request may not contain a batch."
		}
		for _, d := range p.DependsOn {
			if !seen[fold(d)] {
				return "The request '" + p.ID + "' depends on '" + d + "', which does not come before it."
			}
		}
		seen[fold(p.ID)] = true
	}
	return ""
}

// batchPart handles one request of a batch with the access token of the envelope.
func (s *Sim) batchPart(c *call, p batchPart, status map[string]int, perMailbox map[string]int) response {
	r, err := http.NewRequestWithContext(c.r.Context(), strings.ToUpper(p.Method), c.base+"/v1.0/"+strings.TrimPrefix(p.URL, "/"), bytes.NewReader(p.Body))
	if err != nil {
		return graphError(c, 400, "BadRequest", "The url of the request '"+p.ID+"' is not valid.")
	}
	r.Header.Set("Authorization", c.r.Header.Get("Authorization"))
	for k, v := range p.Headers {
		r.Header.Set(k, v)
	}
	part := s.newCall(r, p.Body)
	part.base, part.part = c.base, true
	perMailbox[part.mailbox]++
	a := s.partResponse(c, part, p, status, perMailbox[part.mailbox])
	s.finish(part, &a)
	return a
}

func (s *Sim) partResponse(c, part *call, p batchPart, status map[string]int, nth int) response {
	for _, d := range p.DependsOn {
		if status[fold(d)] >= 400 {
			return graphError(part, http.StatusFailedDependency, "FailedDependency", "The request '"+d+"' it depends on failed.")
		}
	}
	if part.r.Method != http.MethodGet && len(p.Body) > 0 && part.r.Header.Get("Content-Type") == "" {
		return graphError(part, 400, "BadRequest", "Write request id : "+p.ID+" does not contain Content-Type header or body.")
	}
	if part.mailbox != "" && s.behaviour.MailboxLimit > 0 && nth > s.behaviour.MailboxLimit {
		a := graphError(part, 429, "ApplicationThrottled", mailboxConcurrency)
		a.header.Set("Retry-After", "7")
		return a
	}
	if a, replaced := s.faultResponse(part, s.pickFault(part)); replaced {
		return a
	}
	return s.graph(part)
}

// part writes one response into the envelope, without connection headers.
func (w *jsonWriter) part(id string, a response) {
	headers := map[string]string{}
	for _, k := range []string{"Content-Type", "Cache-Control", "Retry-After", "Preference-Applied", "request-id"} {
		if v := a.header.Get(k); v != "" {
			headers[k] = v
		}
	}
	w.raw(`{"id":`)
	w.text(id)
	w.raw(`,"status":` + itoa(int64(a.status)) + `,"headers":`)
	w.value(headers)
	if len(a.body) > 0 {
		w.raw(`,"body":`)
		w.b = append(w.b, a.body...)
	}
	w.raw("}")
}
