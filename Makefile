# Each target is a command a person would type; CI runs the same ones.
GO ?= go
PARSERS = ./config:FuzzParse ./driver:FuzzDerive ./graph:FuzzEvents ./graph:FuzzEnvelope ./oauth:FuzzParseAuthorizationResponse ./graph/graphsim:FuzzParseFilter ./bridge/mqtt:FuzzIncoming ./bridge/mqtt:FuzzPayload ./ical:FuzzParse ./replay:FuzzParse ./zones:FuzzLoad

.PHONY: build test check vulnerabilities demo bench fuzz

# One static binary, the same from the same sources wherever it is built.
build:
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=auto -ldflags="-s -w -buildid=" -o roomgate ./cmd/roomgate

test:
	$(GO) test -race -shuffle=on -timeout 30m ./...

check:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	$(GO) vet ./...
	$(GO) mod tidy -diff
	staticcheck ./...

# Needs the vulnerability database of the Go project, or a copy of it in GOVULNDB.
vulnerabilities:
	govulncheck ./...

demo:
	$(GO) run ./cmd/roomgate demo

bench:
	$(GO) test -run='^$$' -bench=. -benchmem ./driver ./graph ./graph/graphsim ./bridge/...

# Half a minute for each parser; FUZZTIME=10m for longer.
FUZZTIME ?= 30s
fuzz:
	@for p in $(PARSERS); do $(GO) test -run='^$$' -fuzz="^$${p#*:}\$$" -fuzztime=$(FUZZTIME) $${p%:*} || exit 1; done
