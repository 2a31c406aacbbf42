package cfgparse

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// A Change is one difference between two configurations, in words.
type Change struct {
	Block string // such as "vrrp_instance VI_1"
	Text  string // what changes
}

func (c Change) String() string { return c.Block + ": " + c.Text }

// identity is what makes a running instance the same after a reload: its name
// is not part of it.
func (in *Instance) identity() string {
	place := in.Port.Group.String()
	if len(in.Profile.Peers) > 0 {
		place = "unicast " + in.Port.Source.String()
	}
	return fmt.Sprint(in.VRID, in.Port.Family, in.Port.Interface, place, in.VMAC.Kind, in.Router.Version)
}

// Compare says what a reload from one configuration to another changes. The
// sections are those of Effective, the instances in the same order.
func Compare(old, new []Section, from, to *Config) []Change {
	var out []Change
	renamed := map[string]string{} // new title by old one
	before := map[string]*Instance{}
	for i := range from.Instances {
		before[from.Instances[i].identity()] = &from.Instances[i]
	}
	kept := map[string]bool{}
	for i := range to.Instances {
		in := &to.Instances[i]
		was := before[in.identity()]
		switch {
		case was == nil:
			continue
		case was.Name != in.Name:
			out = append(out, Change{"vrrp_instance " + was.Name, "is renamed to " + in.Name + "; it keeps its state"})
			renamed["vrrp_instance "+was.Name] = "vrrp_instance " + in.Name
		}
		kept["vrrp_instance "+in.Name] = true
		if !reflect.DeepEqual(was.Auth, in.Auth) { // what Effective hides
			out = append(out, Change{"vrrp_instance " + in.Name, "authentication changes"})
		}
	}
	after := map[string]Section{}
	for _, s := range new {
		after[s.Title] = s
	}
	seen := map[string]bool{}
	for _, a := range old {
		title := a.Title
		if t := renamed[title]; t != "" {
			title = t
		}
		b, ok := after[title]
		seen[title] = true
		if !ok {
			out = append(out, Change{a.Title, gone(a.Title)})
			continue
		}
		if strings.HasPrefix(title, "vrrp_instance ") && !kept[title] {
			out = append(out, Change{title, "starts anew: its VRID, family, interface, version or way of sending changes; if it is master it resigns first"})
		}
		out = append(out, differences(title, a.Settings, b.Settings)...)
	}
	for _, b := range new {
		if !seen[b.Title] {
			out = append(out, Change{b.Title, "is added"})
		}
	}
	return out
}

func gone(title string) string {
	if strings.HasPrefix(title, "vrrp_instance ") {
		return "is removed; if it is master it resigns and gives its addresses up"
	}
	return "is removed"
}

// differences compares two blocks keyword by keyword.
func differences(title string, old, new []Setting) []Change {
	values := func(settings []Setting) map[string]string {
		m := map[string]string{}
		for _, s := range settings {
			m[s.Keyword] = s.Value
		}
		return m
	}
	a, b := values(old), values(new)
	keys := slices.Sorted(maps.Keys(a))
	for _, k := range slices.Sorted(maps.Keys(b)) {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}
	var out []Change
	for _, k := range keys {
		switch x, y := a[k], b[k]; {
		case x == y:
		case isList(k):
			out = append(out, listChanges(title, k, x, y)...)
		case x == "":
			out = append(out, Change{title, fmt.Sprintf("%s becomes %s", k, y)})
		case y == "":
			out = append(out, Change{title, fmt.Sprintf("%s is no longer %s", k, x)})
		case k == "auth_pass" || k == "auth_type": // said already
		default:
			out = append(out, Change{title, fmt.Sprintf("%s changes from %s to %s", k, x, y)})
		}
	}
	return out
}

func isList(keyword string) bool {
	for _, p := range []string{"virtual_ipaddress", "unicast_peer", "track_", "group", "virtual_routes", "virtual_rules", "static_ipaddress", "notification_email"} {
		if strings.HasPrefix(keyword, p) && keyword != "track_src_ip" && keyword != "notification_email_from" {
			return true
		}
	}
	return false
}

// listChanges names what a list loses and gains.
func listChanges(title, keyword, x, y string) []Change {
	split := func(s string) []string {
		if s == "" {
			return nil
		}
		return strings.Split(s, ", ")
	}
	a, b := split(x), split(y)
	var out []Change
	for _, item := range a {
		if !slices.Contains(b, item) {
			out = append(out, Change{title, fmt.Sprintf("%s loses %s", keyword, item)})
		}
	}
	for _, item := range b {
		if !slices.Contains(a, item) {
			out = append(out, Change{title, fmt.Sprintf("%s gains %s", keyword, item)})
		}
	}
	if len(out) == 0 {
		out = append(out, Change{title, keyword + " is in another order"})
	}
	return out
}
