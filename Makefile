# Two commands matter: `make run` and `make test`. The rest is called by them or measures.
# Needs Go 1.26, Node 20 and GNU make 4.3; everything else comes from lock files.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

DATA    ?= ./data
LISTEN  ?= 127.0.0.1:8080
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# Packages of our own: node_modules may hold Go files that are nobody's business here.
PACKAGES = $$(go list ./... | grep -v /node_modules/)
# Where goroutines share memory, the race detector runs in every `make test`; test-long runs it everywhere.
RACED    = $$(go list ./internal/... | grep -E '/internal/(sqldb|bus|conversation|delivery|gateway|webhook|ops)(/|$$)')

# One set of flags for building, testing and linting, so that they share what is compiled. The version comes by the linker:
# the build must not fail where there is no git.
export GOFLAGS := $(strip $(GOFLAGS) -buildvcs=false -trimpath)

CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
export CHROMIUM

GO_BUILD = go build -ldflags "-w -X main.version=$(VERSION)"
NPM_CI   = npm ci --no-audit --no-fund --prefer-offline --loglevel=error

# The npm packages with a build of their own, and the tests that drive a browser.
FRONTS  := $(patsubst %/package-lock.json,%,$(wildcard console/package-lock.json widget/package-lock.json))
FRONT_BUILT := $(FRONTS:%=%/dist/.built)

.PHONY: help run build front test test-long lint bench go-test go-race front-test e2e bench-module fuzz clean

help: ## show what there is
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: build ## build everything and start the demo company on http://$(LISTEN)
	@exec bin/frontdesk serve --demo --data $(DATA) --listen $(LISTEN)

build: front ## leave the whole program, front end included, at bin/frontdesk
	@mkdir -p bin
	$(GO_BUILD) -o bin/frontdesk ./cmd/frontdesk

front: $(FRONT_BUILT)

# npm writes this file last, so it is the stamp of an installation that belongs to its lock file.
%/node_modules/.package-lock.json: %/package-lock.json %/package.json
	cd $* && $(NPM_CI)
	@touch $@

define front_rule
$(1)/dist/.built: $(1)/node_modules/.package-lock.json $(shell find $(1) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -name '*_test.go')
	cd $(1) && npm run --silent build
	@touch $$@
endef
$(foreach front,$(FRONTS),$(eval $(call front_rule,$(front))))

test: build go-test go-race front-test lint e2e ## everything that must hold before a change goes in
	@echo "make test: all of it passed"

go-test: front
	go vet $(PACKAGES)
	go test -timeout 8m $(PACKAGES)

go-race: front
	@if [ "$$(go env CGO_ENABLED)" = 1 ] && command -v $$(go env CC) >/dev/null; then \
	  go test -race -timeout 8m $(RACED); \
	else \
	  echo "go-race: the race detector needs a C compiler, left out. On Debian: apt-get install --no-install-recommends gcc libc6-dev"; \
	fi

front-test: front
	@for front in $(FRONTS); do \
	  echo "== $$front"; (cd $$front && npm run --silent check && npm test --silent); \
	done

GOLANGCI := build/golangci-lint
$(GOLANGCI): tools/lint/go.mod
	@mkdir -p build
	go build -modfile=tools/lint/go.mod -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

lint: $(GOLANGCI) front ## gofmt, go vet and the linters of .golangci.yml
	@unformatted=$$(gofmt -l $$(git ls-files '*.go' 2>/dev/null || find . -name '*.go' -not -path '*/node_modules/*')); \
	  if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	$(GOLANGCI) run --timeout 8m ./...

e2e: build ## drive the whole program with a browser
ifeq ($(wildcard e2e/package-lock.json),)
	@echo "e2e: there is no e2e folder"
else ifeq ($(CHROMIUM),)
	@echo "e2e: no Chromium found, browser tests left out. On Debian: apt-get install --no-install-recommends chromium fonts-wqy-microhei"
	@if [ "$${FRONTDESK_REQUIRE_CHROMIUM:-}" = 1 ]; then echo "e2e: FRONTDESK_REQUIRE_CHROMIUM=1, so this is a failure"; exit 1; fi
else
	@$(MAKE) --no-print-directory e2e/node_modules/.package-lock.json
	cd e2e && npm test --silent
endif

FUZZTIME ?= 15s
test-long: build fuzz bench-module ## the race detector everywhere, fuzzing, crashes: what takes longer than a change can wait
	FRONTDESK_TEST_LONG=1 go test -race -timeout 25m $(PACKAGES)
	@echo "make test-long: all of it passed"

fuzz: front ## every fuzz target for FUZZTIME
	@go test -list '^Fuzz' $(PACKAGES) | awk '/^Fuzz/ {names = names " " $$1} /^ok/ {n = split(names, f, " "); for (i = 1; i <= n; i++) print $$2, f[i]; names = ""}' | \
	while read -r package target; do \
	  echo "== $$package $$target"; \
	  go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package"; \
	done

bench-module: ## check the module of comparisons with peers
	go -C bench vet ./...
	go -C bench test ./...

bench: build ## figures of speed and memory; run alone
	bin/frontdesk bench path --rate 500 --seconds 10
	bin/frontdesk bench path --rate 2000 --seconds 10
	bin/frontdesk bench sockets --count 15000
	bin/frontdesk bench crash --kills 30 --seed 1
	bin/frontdesk bench retrieve
	go -C bench run .

clean: ## remove what was built, not the data
	rm -rf bin build $(FRONTS:%=%/dist)
