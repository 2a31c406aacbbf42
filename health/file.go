package health

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
