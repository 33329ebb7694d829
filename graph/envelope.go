package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"hash/maphash"

	"roomgate/driver"
)

// The response to a batch contains the answers to all its parts, often more than a
// megabyte, most of it unchanged since the last poll. So this file only splits the
// envelope into parts; a part is decoded and checked only if its bytes have changed.
// Decoding everything with encoding/json would take most of the CPU time of a poll.

// partAnswer is the answer to one part of a batch
// (learn.microsoft.com/graph/json-batching).
type partAnswer struct {
	id      string
	status  int
	headers map[string]string
	body    []byte // JSON, or whatever else was sent; a part of the envelope
}

// digest identifies an answer by its length and a seeded hash of its bytes.
func (c *Client) digest(body []byte) driver.Digest {
	return driver.Digest{Length: len(body), Sum: maphash.Bytes(c.seed, body)}
}

var errEnvelope = errors.New("the answer is not a complete batch")

// openEnvelope splits the response to a batch into the answers to its parts. last
// returns the digest of the previous answer to a part; an equal answer is not parsed.
func (c *Client) openEnvelope(text []byte, last func(id string) driver.Digest) ([]partAnswer, error) {
	var parts []partAnswer
	s := scanner{text: text, digest: c.digest}
	ok := s.members(func(key []byte) bool {
		if string(key) != `"responses"` {
			_, ok := s.value()
			return ok
		}
		return s.elements(func() bool {
			p, ok := s.part(last)
			parts = append(parts, p)
			return ok && len(parts) <= batchSize
		})
	})
	if !ok || !s.end() || parts == nil {
		return nil, errEnvelope
	}
	return parts, nil
}

// part skips the answer to one part.
func (c *scanner) part(last func(id string) driver.Digest) (p partAnswer, ok bool) {
	ok = c.members(func(key []byte) bool {
		if string(key) == `"body"` && p.id != "" && c.repeats(last(p.id)) {
			p.body, c.at = c.text[c.at:c.at+last(p.id).Length], c.at+last(p.id).Length
			return true
		}
		value, ok := c.value()
		if !ok {
			return false
		}
		switch string(key) {
		case `"id"`:
			return json.Unmarshal(value, &p.id) == nil
		case `"status"`:
			return json.Unmarshal(value, &p.status) == nil
		case `"headers"`:
			return len(value) <= mostHeaders && json.Unmarshal(value, &p.headers) == nil
		case `"body"`:
			p.body = value
		}
		return true
	})
	return p, ok
}

// mostHeaders is the largest size, in bytes, of the headers of a part.
const mostHeaders = 64 << 10

// byteOrderMark precedes the JSON of some proxies. It is not white space (RFC 8259
// §8.1 lets a parser ignore it).
const byteOrderMark = "\xef\xbb\xbf"

// repeats reports whether the value that comes next has the digest: its bytes were
// a whole value before, so they are again.
func (c *scanner) repeats(d driver.Digest) bool {
	c.next()
	return d.Length > 0 && len(c.text)-c.at >= d.Length && c.digest(c.text[c.at:c.at+d.Length]) == d
}

// scanner scans JSON text (RFC 8259) for the ends of its values. It does not check the
// inside of a value.
type scanner struct {
	text   []byte
	at     int
	digest func([]byte) driver.Digest
}

// next skips white space and byte-order marks, which may stand before the answer to a
// part, and returns the current byte; 0 at the end.
func (c *scanner) next() byte {
	for c.at < len(c.text) {
		switch b := c.text[c.at]; {
		case b == ' ', b == '\t', b == '\n', b == '\r':
			c.at++
		case b == byteOrderMark[0] && bytes.HasPrefix(c.text[c.at:], []byte(byteOrderMark)):
			c.at += len(byteOrderMark)
		default:
			return b
		}
	}
	return 0
}

// take skips the byte b if it is next.
func (c *scanner) take(b byte) bool {
	if c.next() != b {
		return false
	}
	c.at++
	return true
}

// end reports whether nothing but white space is left.
func (c *scanner) end() bool { return c.next() == 0 && c.at == len(c.text) }

// members calls each with the key of every member of an object, in its quotes;
// each skips the value.
func (c *scanner) members(each func(key []byte) bool) bool {
	if !c.take('{') {
		return false
	}
	if c.take('}') {
		return true
	}
	for {
		c.next()
		key, ok := c.word()
		if !ok || !c.take(':') || !each(key) {
			return false
		}
		if !c.take(',') {
			return c.take('}')
		}
	}
}

// elements calls each for every element of an array; each skips it.
func (c *scanner) elements(each func() bool) bool {
	if !c.take('[') {
		return false
	}
	if c.take(']') {
		return true
	}
	for {
		if !each() {
			return false
		}
		if !c.take(',') {
			return c.take(']')
		}
	}
}

// value skips the next value and returns it.
func (c *scanner) value() ([]byte, bool) {
	b := c.next()
	start := c.at
	switch b {
	case '"':
		return c.word()
	case '{', '[':
		for depth := 0; c.at < len(c.text); {
			switch c.text[c.at] {
			case '"':
				if _, ok := c.word(); !ok {
					return nil, false
				}
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			c.at++
			if depth == 0 {
				return c.text[start:c.at], true
			}
		}
		return nil, false
	}
	for c.at < len(c.text) && bytes.IndexByte([]byte(",]} \t\r\n"), c.text[c.at]) < 0 {
		c.at++
	}
	return c.text[start:c.at], c.at > start
}

// word skips the string that begins here and returns it with its quotes.
func (c *scanner) word() ([]byte, bool) {
	start := c.at
	if c.at >= len(c.text) || c.text[c.at] != '"' {
		return nil, false
	}
	for i := c.at + 1; ; {
		n := bytes.IndexByte(c.text[i:], '"')
		if n < 0 {
			return nil, false
		}
		i += n + 1
		escapes := 0
		for j := i - 2; j > start && c.text[j] == '\\'; j-- {
			escapes++
		}
		if escapes%2 == 0 {
			c.at = i
			return c.text[start:i], true
		}
	}
}
