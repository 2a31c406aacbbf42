package health

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"regent/health/probe"
)

// A service that is asked reports like a script that is run: when it is well,
// what is wrong with it, and that it is late.
func TestServiceIsWatched(t *testing.T) {
	var ill, hangs atomic.Bool
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case hangs.Load():
			<-r.Context().Done()
		case ill.Load():
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer web.Close()
	w, err := NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	reports := make(chan Report, 1000)
	done := make(chan error)
	check := Check{Kind: Script, Name: "web", Interval: 5 * time.Millisecond, Timeout: 200 * time.Millisecond,
		Probe: probe.Probe{Kind: probe.HTTP, Target: web.URL}}
	go func() { done <- w.Watch(ctx, check, func(r Report) { reports <- r }) }()
	until := func(want Outcome, words string) {
		t.Helper()
		deadline := time.After(soon)
		for {
			select {
			case r := <-reports:
				if r.Kind == Script && r.Name == "web" && r.Result.Outcome == want {
					if got := r.Result.String(); !strings.Contains(got, words) {
						t.Errorf("%q, not %q", got, words)
					}
					return
				}
			case <-deadline:
				t.Fatalf("no outcome %d", want)
			}
		}
	}
	until(Good, "")
	ill.Store(true)
	until(Unwell, "get "+web.URL+": status 500 Internal Server Error")
	hangs.Store(true)
	until(TimedOut, "timed out after ")
	hangs.Store(false)
	ill.Store(false)
	until(Good, "")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// What is wrong is news when it is something else than before.
func TestAnotherIllnessIsNews(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: net.UnknownNetworkError("x")}
	one, same, other := Result{Outcome: Unwell, Err: refused}, Result{Outcome: Unwell, Err: refused, Took: 1}, Result{Outcome: Unwell, Err: context.Canceled}
	if !one.says(same) || one.says(other) || one.says(Result{Outcome: Good}) {
		t.Error("results are told apart wrongly")
	}
}
