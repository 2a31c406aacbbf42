# regent: make help

BIN     := bin
PREFIX  ?= /usr/local
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unreleased)
LDFLAGS := -s -w -X regent/cmd/internal/version.number=$(VERSION)
GO      := CGO_ENABLED=0 go
# Checks speak HTTP 1.1 alone: 0.4 MB less to keep in memory.
TAGS    := nethttpomithttp2
SEEDS   ?= 10000
FUZZ    ?= 30s

# What the tests need beside Go: real peers and tools, by the file that shows
# that Debian's package of that name is there.
PEERS := keepalived=/usr/sbin/keepalived frr=/usr/lib/frr/vrrpd tcpdump=/usr/bin/tcpdump \
         tshark=/usr/bin/tshark iproute2=/usr/sbin/ip nftables=/usr/sbin/nft dbus=/usr/bin/dbus-daemon python3-aiosmtpd=/usr/bin/aiosmtpd

# Whoever is not root becomes it in namespaces of its own, where the kernel
# lets it: nothing here needs more than that.
ROOT := $(if $(filter 0,$(shell id -u)),,unshare --user --map-root-user --net --mount)

.PHONY: help build demo test conformance lint fuzz bench install clean modules peers

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | column -t -s '	'

build: modules ## static bin/regentd and bin/regentctl
	@$(GO) build -trimpath -tags '$(TAGS)' -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/regentd ./cmd/regentctl

demo: build ## watch an address move between two routers
	@$(GO) build -trimpath -o $(BIN)/demo ./cmd/internal/demo
	@$(ROOT) $(BIN)/demo -daemon $(BIN)/regentd

test: build peers lint ## every test, beside real peers
	@$(GO) build -trimpath -o $(BIN)/conformance ./cmd/internal/conformance
	@REGENT_SEEDS=$(SEEDS) REGENTD=$(CURDIR)/$(BIN)/regentd $(BIN)/conformance test -timeout 14m $(TESTFLAGS) ./...

conformance: test ## test, and then every rule of the protocol with what proves it
	@$(BIN)/conformance table

lint: modules ## gofmt, vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
		if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	@go vet ./...
	@go tool staticcheck ./...

fuzz: modules ## every fuzzer for FUZZ (30s) each
	@for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ) $$package || exit 1; \
		done; \
	done

bench: build peers ## regent and keepalived side by side
	@$(GO) build -trimpath -o $(BIN)/bench ./cmd/internal/bench
	@$(ROOT) $(BIN)/bench -regentd $(BIN)/regentd $(BENCHFLAGS)

install: build ## bin/* into PREFIX/sbin and PREFIX/bin
	install -D -m 0755 $(BIN)/regentd $(DESTDIR)$(PREFIX)/sbin/regentd
	install -D -m 0755 $(BIN)/regentctl $(DESTDIR)$(PREFIX)/bin/regentctl

clean: ## remove what was built
	rm -rf $(BIN)

modules:
	@go list -deps ./cmd/... >/dev/null 2>&1 || { echo "fetching Go modules"; go mod download; }

# Packages come without starting their daemons: none may run in the machine's
# own network.
peers:
	@missing=; for p in $(PEERS); do [ -e "$${p#*=}" ] || missing="$$missing $${p%%=*}"; done; \
	if [ -n "$$missing" ]; then \
		if [ $$(id -u) != 0 ]; then echo "missing, and only root can install:$$missing"; exit 0; fi; \
		echo "installing$$missing"; \
		policy=/usr/sbin/policy-rc.d; \
		if [ ! -e $$policy ]; then printf '#!/bin/sh\nexit 101\n' >$$policy; chmod 755 $$policy; trap 'rm -f $$policy' EXIT INT TERM; fi; \
		out=$$({ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $$missing; } 2>&1) \
			|| { echo "$$out"; exit 1; }; \
	fi
