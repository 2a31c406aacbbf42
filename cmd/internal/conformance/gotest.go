package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// An event is a line of go test -json.
type event struct {
	Action  string
	Package string `json:",omitempty"`
	Test    string `json:",omitempty"`
	Output  string `json:",omitempty"`
}

// outcome is an action that ends a test: pass, fail or skip.
func (e event) outcome() bool {
	return e.Action == "pass" || e.Action == "fail" || e.Action == "skip"
}

// test runs go test, prints what that would print, and leaves the outcomes in
// the file of results.
func test(args []string, w io.Writer) error {
	if err := os.MkdirAll(filepath.Dir(results), 0o755); err != nil {
		return err
	}
	out, err := os.Create(results)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	stream, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	listened := listen(stream, w, out, slices.Contains(args, "-v"))
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("run go test: %w", err)
	}
	return errors.Join(listened, out.Close())
}

// listen reads events, prints for people what they mean, and records outcomes.
// A package is printed when it is through, because several run at once. Unless
// all is true, tests that pass are not printed. What failed is said once
// more at the end, its names last, for whoever sees the last lines alone.
func listen(r io.Reader, people, record io.Writer, all bool) error {
	var failed, names bytes.Buffer
	defer func() {
		failed.WriteTo(people)
		names.WriteTo(people)
	}()
	said := make(map[string][]event)
	done := make(map[[2]string]bool) // passed or skipped
	outcomes := json.NewEncoder(record)
	for events := json.NewDecoder(r); ; {
		var e event
		if err := events.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read what go test says: %w", err)
		}
		switch {
		case e.Action == "output":
			said[e.Package] = append(said[e.Package], e)
		case e.Action == "build-output":
			fmt.Fprint(people, e.Output)
			failed.WriteString(e.Output)
		case e.outcome():
			if err := outcomes.Encode(e); err != nil {
				return err
			}
			done[[2]string{e.Package, e.Test}] = e.Action != "fail"
			if e.Action == "fail" {
				fmt.Fprintln(&names, strings.TrimSpace("failed: "+e.Package+" "+e.Test))
			}
		}
		if e.outcome() && e.Test == "" {
			for _, s := range said[e.Package] {
				if all || s.Test != "" && !done[[2]string{s.Package, s.Test}] || s.Test == "" && s.Output != "PASS\n" {
					fmt.Fprint(people, s.Output)
				}
				if e.Action == "fail" && (s.Test == "" || !done[[2]string{s.Package, s.Test}]) {
					failed.WriteString(s.Output)
				}
			}
			delete(said, e.Package)
		}
	}
}
