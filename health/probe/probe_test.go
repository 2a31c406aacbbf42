package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
)

// patience bounds what takes milliseconds on an idle machine.
const patience = time.Minute

// look asks once, with patience.
func look(t *testing.T, p Probe) error {
	t.Helper()
	prober := New(p)
	defer prober.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return prober.Look(ctx)
}

// good asks and wants a good answer, twice from the same prober.
func good(t *testing.T, p Probe) {
	t.Helper()
	prober := New(p)
	defer prober.Close()
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if err := prober.Look(ctx); err != nil {
			t.Error(err)
		}
		cancel()
	}
}

// bad asks and wants these words.
func bad(t *testing.T, p Probe, want string) {
	t.Helper()
	if err := look(t, p); err == nil || err.Error() != want {
		t.Errorf("%v, not %q", err, want)
	}
}

// closed returns a port that nobody listens on.
func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// socket names a socket of the test that stands in no directory, whose path
// may be too long for one.
func socket(t *testing.T) string { return fmt.Sprintf("regent-%d-%s", os.Getpid(), t.Name()) }

func TestPortAcceptsConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	good(t, Probe{Kind: TCP, Target: l.Addr().String()})
	l.Close()
	bad(t, Probe{Kind: TCP, Target: l.Addr().String()}, "connect to "+l.Addr().String()+": connection refused")
}

func TestWebServerAnswers(t *testing.T) {
	mux := http.NewServeMux()
	for path, status := range map[string]int{"/ok": 200, "/moved": 302, "/ill": 503} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if status == 302 {
				w.Header().Set("Location", "/ill")
			}
			w.WriteHeader(status)
		})
	}
	s := httptest.NewServer(mux)
	defer s.Close()
	good(t, Probe{Kind: HTTP, Target: s.URL + "/ok"})
	good(t, Probe{Kind: HTTP, Target: s.URL + "/moved"}) // it is not followed
	good(t, Probe{Kind: HTTP, Target: s.URL + "/ill", Status: []Span{{200, 200}, {500, 599}}})
	bad(t, Probe{Kind: HTTP, Target: s.URL + "/ill"}, "get "+s.URL+"/ill: status 503 Service Unavailable")
	bad(t, Probe{Kind: HTTP, Target: s.URL + "/ok", Status: []Span{{204, 204}}}, "get "+s.URL+"/ok: status 200 OK")
	address := closed(t)
	bad(t, Probe{Kind: HTTP, Target: "http://" + address + "/"}, "get http://"+address+"/: connection refused")
}

func TestCertificatesAreVerifiedUnlessTold(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = nil
	defer s.Close()
	good(t, Probe{Kind: HTTP, Target: s.URL, Insecure: true})
	if err := look(t, Probe{Kind: HTTP, Target: s.URL}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v", err)
	}
}

// An answer that does not come is no reason to wait longer than was said.
func TestTheEndOfPatienceEndsALook(t *testing.T) {
	hang := make(chan struct{})
	web := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer web.Close()
	defer close(hang)
	mute, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	bus, err := net.Listen("unix", "@"+socket(t))
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:abstract="+socket(t))
	for _, p := range []Probe{
		{Kind: HTTP, Target: web.URL},
		{Kind: DNS, Target: mute.LocalAddr().String(), Name: "www.example.org"},
		{Kind: Unit, Target: "haproxy.service"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		prober := New(p)
		if err := prober.Look(ctx); err == nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v: %v", p, err)
		}
		prober.Close()
		cancel()
	}
}

func TestHostAnswersEcho(t *testing.T) {
	good(t, Probe{Kind: ICMP, Target: "127.0.0.1"})
	good(t, Probe{Kind: ICMP, Target: "localhost"})
	if addresses, _ := os.ReadFile("/proc/net/if_inet6"); bytes.Contains(addresses, append(bytes.Repeat([]byte{'0'}, 31), "1 "...)) {
		good(t, Probe{Kind: ICMP, Target: "::1"})
	}
	if err := look(t, Probe{Kind: ICMP, Target: "host.invalid"}); err == nil || !strings.Contains(err.Error(), "look up host.invalid") {
		t.Errorf("%v", err)
	}
}
