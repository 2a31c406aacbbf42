package cfgparse

import (
	"bufio"
	"io"
	"path/filepath"
	"strconv"
	"strings"
)

// builtinNames are those that iproute2 knows without a file.
var builtinNames = map[string]map[string]uint64{
	"rt_tables": {"default": 253, "main": 254, "local": 255, "unspec": 0},
	"rt_scopes": {"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255},
	"rt_protos": {"none": 0, "redirect": 1, "kernel": 2, "boot": 3, "static": 4, "gated": 8, "ra": 9, "mrt": 10, "zebra": 11,
		"bird": 12, "dnrouted": 13, "xorp": 14, "ntk": 15, "dhcp": 16, "mrouted": 17, "keepalived": 18, "babel": 42,
		"openr": 99, "bgp": 186, "isis": 187, "ospf": 188, "rip": 189, "eigrp": 192},
	"rt_dsfield": {"default": 0, "AF11": 0x28, "AF12": 0x30, "AF13": 0x38, "AF21": 0x48, "AF22": 0x50, "AF23": 0x58, "AF31": 0x68,
		"AF32": 0x70, "AF33": 0x78, "AF41": 0x88, "AF42": 0x90, "AF43": 0x98, "CS1": 0x20, "CS2": 0x40, "CS3": 0x60, "CS4": 0x80,
		"CS5": 0xA0, "CS6": 0xC0, "CS7": 0xE0, "EF": 0xB8},
	"rt_realms": {"cosmos": 0},
	"group":     {"default": 0},
}

// maxNames bounds what is read of a file of names.
const maxNames = 1 << 20

// iprouteName finds a name in the files of iproute2: those of the
// administrator before those of the distribution.
func (l *loader) iprouteName(file, name string) (uint64, bool) {
	if n, ok := builtinNames[file][name]; ok {
		return n, true
	}
	if l.names == nil {
		l.names = map[string]map[string]uint64{}
	}
	known, ok := l.names[file]
	if !ok {
		known = map[string]uint64{}
		for _, dir := range []string{l.cfg.Global.Dumps.IPRouteUsr, "/usr/share/iproute2", "/usr/lib/iproute2", l.cfg.Global.Dumps.IPRouteEtc, "/etc/iproute2"} {
			if dir != "" {
				l.readNames(filepath.Join(dir, file), known)
			}
		}
		l.names[file] = known
	}
	n, ok := known[name]
	return n, ok
}

// readNames adds the lines "NUMBER NAME" of a file. One that is missing adds
// nothing.
func (l *loader) readNames(path string, into map[string]uint64) {
	f, err := l.env.Files.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, maxNames))
	for lines.Scan() {
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		if len(words) < 2 {
			continue
		}
		if n, err := strconv.ParseUint(words[0], 0, 32); err == nil {
			into[words[1]] = n
		}
	}
}
