// Package version knows which build of regent this is.
package version

import (
	"fmt"
	"runtime"
)

// number is set by the linker (make build).
var number = "unreleased"

// String describes the build in one line, for a program of that name.
func String(program string) string {
	return fmt.Sprintf("%s %s (%s, %s/%s)", program, number, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
