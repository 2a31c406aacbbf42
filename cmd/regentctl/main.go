// Command regentctl judges configurations before a daemon runs with them, and
// decodes what VRRP routers say.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"regent/cmd/internal/version"
)

// A commandLine is all that regentctl can be told. A field with a Run method is
// a command.
type commandLine struct {
	Decode  decode           `cmd:"" help:"Print every VRRP advert of a capture and what is wrong with it."`
	Config  config           `cmd:"" help:"Check, show, format and compare configurations."`
	Version kong.VersionFlag `help:"Print the version."`
}

// streams are what a command reads and writes; kong hands them to Run.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// Exit codes. A command that finds what it was asked to look for returns
// errFound, and has said all there is to say.
const (
	exitOK    = 0
	exitFound = 1 // or failed on the way
	exitUsage = 2
)

var errFound = errors.New("problems were found")

// A usageError is a command called in a way that cannot work.
type usageError struct{ error }

func main() { os.Exit(run(os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})) }

// run is the whole command. It returns the exit code.
func run(args []string, s streams) int {
	var c commandLine
	over := false // kong has answered by itself: --help, --version
	parser := kong.Must(&c,
		kong.Name("regentctl"),
		kong.Description("Judge configurations of regent, and look at what VRRP routers say."),
		kong.Vars{"version": version.String("regentctl")},
		kong.Writers(s.out, s.err),
		kong.Exit(func(int) { over = true }),
	)
	call, err := parser.Parse(args)
	switch {
	case over:
		return exitOK
	case err != nil:
		fmt.Fprintf(s.err, "regentctl: %v (try regentctl --help)\n", err)
		return exitUsage
	}
	return exitCode(call.Run(s), s.err)
}

func exitCode(err error, stderr io.Writer) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFound):
		return exitFound
	}
	fmt.Fprintf(stderr, "regentctl: %v\n", err)
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFound
}
