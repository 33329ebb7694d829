package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"roomgate/driver"
)

// batchSize is how many questions one request may hold
// (learn.microsoft.com/graph/json-batching).
const batchSize = 20

// sentRequest is a request with its questions and their answers.
type sentRequest struct {
	questions []*question
	token     string
	answers   []answer
	errs      []*Error // of the questions that have no answer
	tokenErr  error    // there was no token to send it with
	buffer    []byte   // holds the answers
}

// send asks the questions in one request.
func (c *Client) send(ctx context.Context, questions []*question, cost *cost, buffer []byte) sentRequest {
	r := sentRequest{questions: questions, answers: make([]answer, len(questions)), errs: make([]*Error, len(questions)), buffer: buffer}
	if r.token, r.tokenErr = c.o.Tokens.Token(ctx); r.tokenErr != nil {
		return r
	}
	if len(questions) == 1 {
		r.answers[0], r.errs[0] = c.exchange(ctx, questions[0].call, r.token, cost, &r.buffer)
		return r
	}
	parts, e := c.batch(ctx, &r, cost)
	for i, qn := range questions {
		switch p := slices.IndexFunc(parts, func(p partAnswer) bool { return p.id == strconv.Itoa(i) }); {
		case e != nil:
			each := *e
			each.Op = qn.op
			r.errs[i] = &each
		case p < 0:
			r.errs[i] = &Error{Op: qn.op, Status: http.StatusOK, Err: &notJSONError{"the batch response has no answer to it"}}
		default:
			r.answers[i] = parts[p].answer()
		}
	}
	return r
}

// answer is the part's answer in the form of a response to a single request.
func (p partAnswer) answer() answer {
	h := http.Header{}
	for k, v := range p.headers {
		h.Set(k, v)
	}
	return answer{p.status, h, p.body}
}

// batch sends several questions as one request. The error concerns all of them.
func (c *Client) batch(ctx context.Context, r *sentRequest, cost *cost) ([]partAnswer, *Error) {
	cl := call{op: fmt.Sprintf("asking %d questions at once", len(r.questions)), path: "/$batch"}
	var err error
	if cl.body, err = c.batchBody(r.questions); err != nil {
		return nil, &Error{Op: cl.op, Status: http.StatusOK, Err: err}
	}
	a, e := c.exchange(ctx, cl, r.token, cost, &r.buffer)
	if e != nil {
		return nil, e
	}
	parts, err := c.openEnvelope(a.body, func(id string) driver.Digest {
		if n, err := strconv.Atoi(id); err == nil && n >= 0 && n < len(r.questions) {
			return r.questions[n].last
		}
		return driver.Digest{}
	})
	if err == nil {
		return parts, nil // whatever the status: 424 and others come with the answers to all parts
	}
	if e := a.fault(cl.op, c.o.Clock.Now()); e != nil {
		return nil, e
	}
	return nil, a.error(cl.op, a.notJSON(err))
}

// batchBody is the JSON of a batch; the parts are numbered from 0.
func (c *Client) batchBody(questions []*question) ([]byte, error) {
	type part struct {
		ID      string            `json:"id"`
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
		Body    json.RawMessage   `json:"body,omitempty"`
	}
	var doc struct {
		Requests []part `json:"requests"`
	}
	for i, qn := range questions {
		path, err := c.local(qn.path)
		if err != nil {
			path = "/" // is answered with an error; asked alone, the question fails with this one
		}
		p := part{ID: strconv.Itoa(i), Method: http.MethodGet, URL: path, Headers: map[string]string{"Prefer": qn.prefer()}, Body: qn.body}
		if qn.body != nil {
			p.Method, p.Headers["Content-Type"] = http.MethodPost, "application/json"
		}
		doc.Requests = append(doc.Requests, p)
	}
	return json.Marshal(doc)
}
