package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// fetch asks a web server for a page, each time by a connection of its own: a
// server that no longer accepts any is not well.
type fetch struct {
	url    string
	status []Span
	client *http.Client
}

func newFetch(p Probe) *fetch {
	status := p.Status
	if len(status) == 0 {
		status = []Span{{200, 399}}
	}
	return &fetch{p.Target, status, &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: p.Insecure},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (f *fetch) Look(ctx context.Context) error {
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return fmt.Errorf("get %s: %w", f.url, err)
	}
	ask.Header.Set("User-Agent", "regentd")
	answer, err := f.client.Do(ask)
	if err != nil {
		var of *url.Error
		if errors.As(err, &of) {
			err = of.Err
		}
		return fmt.Errorf("get %s: %w", f.url, cause(err))
	}
	answer.Body.Close()
	for _, s := range f.status {
		if s.From <= answer.StatusCode && answer.StatusCode <= s.To {
			return nil
		}
	}
	return fmt.Errorf("get %s: status %s", f.url, answer.Status)
}

func (f *fetch) Close() { f.client.CloseIdleConnections() }
