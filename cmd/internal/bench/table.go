package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A figure is one measured value. Less is better in all of them.
type figure struct {
	name  string
	value float64
	unit  string
}

func milliseconds(name string, d time.Duration) figure {
	return figure{name, float64(d) / float64(time.Millisecond), "ms"}
}

func microseconds(name string, d time.Duration) figure {
	return figure{name, float64(d) / float64(time.Microsecond), "µs"}
}

func mebibytes(name string, bytes int64) figure {
	return figure{name, float64(bytes) / (1 << 20), "MiB"}
}

// A table prints figures of two daemons side by side, as they come.
type table struct{ w io.Writer }

func newTable(w io.Writer) table {
	fmt.Fprintf(w, "\n%-44s %12s %12s %8s\n", "", "regent", "keepalived", "ratio")
	return table{w}
}

// section prints what one experiment found.
func (t table) section(name string, ours, theirs []figure) {
	fmt.Fprintf(t.w, "\n%s\n", name)
	for i, a := range ours {
		b := theirs[i]
		fmt.Fprintf(t.w, "  %-42s %8s %-3s %8s %-3s %8s\n", a.name, digits(a.value), a.unit, digits(b.value), b.unit, ratio(a.value, b.value))
	}
}

// digits prints three of them.
func digits(v float64) string {
	if v == 0 {
		return "0"
	}
	decimals := max(0, 2-int(math.Floor(math.Log10(math.Abs(v)))))
	return fmt.Sprintf("%.*f", min(decimals, 3), v)
}

func ratio(a, b float64) string {
	if b == 0 {
		return "-"
	}
	return digits(a / b)
}

// median returns the middle one, and quantile any; values need no order.
func median[T ~int64 | ~float64](values []T) T { return quantile(values, 0.5) }

// quantile returns the value below which a share q of the values lies.
func quantile[T ~int64 | ~float64](values []T, q float64) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(math.Round(q*float64(len(sorted)-1)))]
}

// machine describes where the figures come from.
func machine() string {
	model := "unknown processor"
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	var u unix.Utsname
	release := "unknown"
	if unix.Uname(&u) == nil {
		release = unix.ByteSliceToString(u.Release[:])
	}
	return fmt.Sprintf("%d x %s, Linux %s, %s", runtime.NumCPU(), model, release, time.Now().Format(time.DateOnly))
}
