package health

import (
	"slices"
	"time"
)

// More kinds of checks, whose settings are types of their own.
const (
	File    Kind = Source + 1 + iota // the number in a file (track_file)
	Process                          // running processes (vrrp_track_process)
	BFD                              // a session of bidirectional forwarding detection
)

// A FileCheck is a file whose number moves priorities (track_file).
type FileCheck struct {
	Name      string
	Path      string
	Weight    int // multiplies the number, -254 to 254
	Reverse   bool
	Init      *int // written when the file is missing (init_file); nil: nothing is
	Overwrite bool // written even over what is there
}

// Check returns the file as a check among others.
func (f FileCheck) Check() Check { return Check{Kind: File, Name: f.Name, File: f} }

// A Match says how the parameters of a process are compared.
type Match uint8

const (
	MatchName    Match = iota // not at all
	MatchExact                // all, and no others
	MatchPartial              // the given ones come first
	MatchInitial              // as MatchPartial, and the last one may be longer
)

// A ProcessCheck counts processes (vrrp_track_process).
type ProcessCheck struct {
	Name        string
	Command     string   // the name of the process, 15 bytes of it unless FullCommand
	Params      []string // its arguments
	Match       Match
	FullCommand bool // Command is argv[0] (full_command)
	Weight      int
	Reverse     bool
	Quorum      int           // at least so many, 1 to 65535
	QuorumMax   int           // and at most so many; 0: none may run; Unlimited: any number
	Gained      time.Duration // how long the quorum must hold before it counts (fork_delay)
	Lost        time.Duration // how long it must be missed before that counts (terminate_delay)
}

// Check returns the processes as a check among others.
func (p ProcessCheck) Check() Check { return Check{Kind: Process, Name: p.Name, Process: p} }

// Unlimited is the QuorumMax of a check without one.
const Unlimited = -1

// same reports whether counts of p say something of q.
func (p *ProcessCheck) same(q *ProcessCheck) bool {
	return p.Command == q.Command && slices.Equal(p.Params, q.Params) && p.Match == q.Match && p.FullCommand == q.FullCommand
}
