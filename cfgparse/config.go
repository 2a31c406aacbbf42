// Package cfgparse turns configuration text into checked settings.
package cfgparse

import (
	"net/netip"
	"time"

	"regent/cfgparse/syntax"
	"regent/fsm"
	"regent/health"
	"regent/netif"
	"regent/vrrp"
)

// A Config is a whole configuration.
type Config struct {
	Global    Global
	Checks    []health.Check // vrrp_script, in order
	Instances []Instance     // vrrp_instance, in order
	Groups    []Group        // vrrp_sync_group, in order
}

// Global is what global_defs says of the whole daemon.
type Global struct {
	RouterID          string
	StartDelay        time.Duration
	DynamicInterfaces bool
	ScriptUser        string
	ScriptGroup       string
	ScriptSecurity    bool
}

// An Instance is one virtual router. Each field is defined by the package that
// acts on it; this package only fills them in.
type Instance struct {
	Name         string
	At           syntax.Pos // of the vrrp_instance line
	VRID         uint8
	WantMaster   bool // state MASTER
	Port         netif.Port
	Router       fsm.Config
	Profile      vrrp.Profile // all but Owner, Interval and Primary, which the daemon knows better
	Advertised   []netip.Addr // virtual_ipaddress, in order
	Estate       netif.Estate // virtual_ipaddress and virtual_ipaddress_excluded
	Tracks       []health.Track
	TrackPrimary bool // the port's interface down means FAULT (no dont_track_primary)
}

// A Group is a vrrp_sync_group.
type Group struct {
	Name    string
	At      syntax.Pos
	Members []string // instance names
	Tracks  []health.Track
}
