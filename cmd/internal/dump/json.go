package dump

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"regent/cfgparse"
	"regent/cmd/internal/daemon"
	"regent/health"
	"regent/vrrp"
)

// A jsonRouter is one virtual router in keepalived's JSON. The order of the
// fields is keepalived's too.
type jsonRouter struct {
	Data  jsonData  `json:"data"`
	Stats jsonStats `json:"stats"`
}

type jsonData struct {
	Name                string    `json:"iname"`
	DontTrackPrimary    bit       `json:"dont_track_primary"`
	SkipCheckAddr       bit       `json:"skip_check_adv_addr"`
	Strict              bit       `json:"strict_mode"`
	Device              string    `json:"vmac_ifname"`
	Interface           string    `json:"ifp_ifname,omitempty"`
	MasterPriority      uint8     `json:"master_priority"`
	LastTransition      moment    `json:"last_transition"`
	GarpDelay           float64   `json:"garp_delay"`
	GarpRefresh         int       `json:"garp_refresh"`
	GarpRepeat          int       `json:"garp_rep"`
	GarpRefreshRepeat   int       `json:"garp_refresh_rep"`
	GarpLowerDelay      int       `json:"garp_lower_prio_delay"`
	GarpLowerRepeat     int       `json:"garp_lower_prio_rep"`
	LowerNoAdvert       bit       `json:"lower_prio_no_advert"`
	HigherSendAdvert    bit       `json:"higher_prio_send_advert"`
	VRID                uint8     `json:"vrid"`
	BasePriority        uint8     `json:"base_priority"`
	EffectivePriority   uint8     `json:"effective_priority"`
	Set                 bool      `json:"vipset"`
	PromoteSecondaries  bool      `json:"promote_secondaries"`
	Interval            float64   `json:"adver_int"`
	MasterInterval      float64   `json:"master_adver_int"`
	Accept              bit       `json:"accept"`
	NoPreempt           bool      `json:"nopreempt"`
	PreemptDelay        int       `json:"preempt_delay"`
	State               condition `json:"state"`
	WantState           condition `json:"wantstate"`
	Version             uint8     `json:"version"`
	Mail                bool      `json:"smtp_alert"`
	NotifyDeleted       bool      `json:"notify_deleted"`
	ScriptBackup        string    `json:"script_backup,omitempty"`
	ScriptMaster        string    `json:"script_master,omitempty"`
	ScriptFault         string    `json:"script_fault,omitempty"`
	ScriptStop          string    `json:"script_stop,omitempty"`
	ScriptDeleted       string    `json:"script_deleted,omitempty"`
	Script              string    `json:"script,omitempty"`
	ScriptLowerPriority string    `json:"script_master_rx_lower_pri,omitempty"`
	Addresses           []string  `json:"vips,omitempty"`
	Excluded            []string  `json:"evips,omitempty"`
	Routes              []string  `json:"vroutes,omitempty"`
	Rules               []string  `json:"vrules,omitempty"`
	TrackInterface      []string  `json:"track_ifp,omitempty"`
	TrackScript         []string  `json:"track_script,omitempty"`
	TrackProcess        []string  `json:"track_process,omitempty"`
	AuthType            int       `json:"auth_type"`
	AuthData            string    `json:"auth_data,omitempty"`
}

type jsonStats struct {
	Received             uint64 `json:"advert_rcvd"`
	Sent                 uint64 `json:"advert_sent"`
	BecameMaster         uint64 `json:"become_master"`
	ReleasedMaster       uint64 `json:"release_master"`
	Length               uint64 `json:"packet_len_err"`
	Interval             uint64 `json:"advert_interval_err"`
	TTL                  uint64 `json:"ip_ttl_err"`
	Type                 uint64 `json:"invalid_type_rcvd"`
	AddressList          uint64 `json:"addr_list_err"`
	InvalidAuthType      uint64 `json:"invalid_authtype"`
	AuthTypeMismatch     uint64 `json:"authtype_mismatch"`
	AuthFailure          uint64 `json:"auth_failure"`
	AuthExtMissing       uint64 `json:"auth_ext_missing"`
	AuthExtMalformed     uint64 `json:"auth_ext_malformed"`
	AuthExtUnknownKey    uint64 `json:"auth_ext_unknown_key"`
	AuthExtInvalidHMAC   uint64 `json:"auth_ext_invalid_hmac"`
	AuthExtStale         uint64 `json:"auth_ext_stale"`
	AuthExtReplay        uint64 `json:"auth_ext_replay"`
	PriorityZeroReceived uint64 `json:"pri_zero_rcvd"`
	PriorityZeroSent     uint64 `json:"pri_zero_sent"`
}

// writeJSON writes the dump of json_version 1, which is an array of routers, or
// that of version 2, where they have company.
func writeJSON(w io.Writer, cfg *cfgparse.Config, s *daemon.Status) error {
	routers := make([]jsonRouter, len(s.Routers))
	for i := range s.Routers {
		routers[i] = jsonRouter{dataOf(cfg, s, &s.Routers[i]), statsOf(&s.Routers[i].Counters)}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if cfg.Global.Dumps.JSONVersion < 2 {
		return e.Encode(routers)
	}
	return e.Encode(struct {
		Routers   []jsonRouter  `json:"vrrp"`
		Processes []jsonProcess `json:"track_process,omitempty"`
	}{routers, processes(s)})
}

func dataOf(cfg *cfgparse.Config, s *daemon.Status, r *daemon.RouterStatus) jsonData {
	in, m, garp := &r.Settings, &r.Machine, &r.Settings.Router.Announce
	d := jsonData{
		Name:               in.Name,
		DontTrackPrimary:   bit(!in.TrackPrimary),
		SkipCheckAddr:      bit(in.SkipCheckAddr),
		Strict:             bit(in.Strict),
		Device:             r.Device.Name,
		Interface:          in.Port.Interface,
		MasterPriority:     m.Heard.Priority,
		LastTransition:     moment(s.Time(m.Since)),
		GarpDelay:          garp.Delay.Seconds(),
		GarpRefresh:        int(garp.Refresh.Seconds()),
		GarpRepeat:         garp.Repeat,
		GarpRefreshRepeat:  garp.RefreshRepeat,
		GarpLowerDelay:     int(garp.LowerDelay.Seconds()),
		GarpLowerRepeat:    max(garp.LowerRepeat, 0),
		LowerNoAdvert:      bit(silent(r)),
		HigherSendAdvert:   bit(in.Router.LastWord),
		VRID:               in.VRID,
		BasePriority:       in.Router.Priority,
		EffectivePriority:  m.Priority,
		Set:                r.Holds,
		PromoteSecondaries: in.PromoteSecondaries,
		Interval:           m.Interval.Seconds(),
		MasterInterval:     m.Active.Seconds(),
		Accept:             bit(in.Accept),
		NoPreempt:          in.Router.NoPreempt,
		PreemptDelay:       int(in.Router.PreemptDelay.Seconds()),
		State:              condition(r.Condition),
		WantState:          condition(wanted(r)),
		Version:            in.Router.Version,
		Mail:               alerts(cfg, r),
		NotifyDeleted:      in.Notify.TellDeleted,
		Addresses:          addresses(s, r, true),
		Excluded:           addresses(s, r, false),
		Routes:             routes(r),
		Rules:              rules(r),
	}
	if r.Device.Index != 0 {
		d.Interface = r.Device.Name
	}
	for i, target := range []*string{&d.ScriptBackup, &d.ScriptMaster, &d.ScriptFault, &d.ScriptStop, &d.ScriptDeleted, &d.Script, &d.ScriptLowerPriority} {
		if c := scripts(&in.Notify)[i].command; c != nil {
			*target = command(c.Args)
		}
	}
	for _, t := range tracked(r, health.Interface) {
		d.TrackInterface = append(d.TrackInterface, t.Name)
	}
	for _, t := range tracked(r, health.Script) {
		d.TrackScript = append(d.TrackScript, command(commandOf(s, t.Name)))
	}
	for _, t := range tracked(r, health.Process) {
		d.TrackProcess = append(d.TrackProcess, t.Name)
	}
	if len(in.Auth.Password) > 0 {
		d.AuthType, d.AuthData = 1, "********"
	}
	return d
}

// wanted returns the state that a router would be in without its group.
func wanted(r *daemon.RouterStatus) daemon.Condition {
	if r.Machine.Wanted > r.Machine.State {
		return daemon.Master
	}
	return r.Condition
}

// commandOf returns the command of a script.
func commandOf(s *daemon.Status, name string) []string {
	for _, c := range s.Checks {
		if c.Check.Kind == health.Script && c.Check.Name == name {
			return c.Check.Command
		}
	}
	return nil
}

func statsOf(c *daemon.Counters) jsonStats {
	w := &c.Wire
	return jsonStats{
		Received: c.Received, Sent: c.Sent,
		BecameMaster: c.BecameMaster, ReleasedMaster: c.ReleasedMaster,
		Length:               w[vrrp.PacketLengthErrors],
		Interval:             w[vrrp.IntervalErrors],
		TTL:                  w[vrrp.TTLErrors],
		Type:                 w[vrrp.InvalidTypeReceived],
		AddressList:          w[vrrp.AddressListErrors],
		InvalidAuthType:      w[vrrp.InvalidAuthType],
		AuthTypeMismatch:     w[vrrp.AuthTypeMismatch],
		AuthFailure:          w[vrrp.AuthFailures],
		AuthExtMissing:       w[vrrp.AuthExtMissing],
		AuthExtMalformed:     w[vrrp.AuthExtMalformed],
		AuthExtUnknownKey:    w[vrrp.AuthExtUnknownKey],
		AuthExtInvalidHMAC:   w[vrrp.AuthExtInvalidHMAC],
		AuthExtStale:         w[vrrp.AuthExtStale],
		AuthExtReplay:        w[vrrp.AuthExtReplay],
		PriorityZeroReceived: c.PriorityZeroReceived, PriorityZeroSent: c.PriorityZeroSent,
	}
}

// A jsonProcess is a vrrp_track_process in keepalived's JSON, version 2. The
// timers of its delays are not known here: they count as idle.
type jsonProcess struct {
	Process        string  `json:"process"`
	Parameters     string  `json:"parameters,omitempty"`
	Match          string  `json:"param_match"`
	Min            int     `json:"min_processes"`
	Max            *int    `json:"max_processes,omitempty"`
	Current        int     `json:"current_processes"`
	Quorum         bool    `json:"have_quorum"`
	Weight         int     `json:"weight"`
	TerminateDelay float64 `json:"terminate_delay"`
	ForkDelay      float64 `json:"fork_delay"`
	ForkTimer      bool    `json:"fork_delay_timer_running"`
	TerminateTimer bool    `json:"terminate_delay_timer_running"`
	FullCommand    bool    `json:"full_command,omitempty"`
}

func processes(s *daemon.Status) (all []jsonProcess) {
	for _, c := range s.Checks {
		if c.Check.Kind != health.Process {
			continue
		}
		p := &c.Check.Process
		j := jsonProcess{
			Process: p.Command, Parameters: strings.Join(p.Params, " "), Match: matches[p.Match],
			Min: p.Quorum, Current: c.Last.Number, Quorum: c.Up, Weight: p.Weight,
			TerminateDelay: p.Lost.Seconds(), ForkDelay: p.Gained.Seconds(), FullCommand: p.FullCommand,
		}
		if p.Reverse {
			j.Weight = -j.Weight
		}
		if p.QuorumMax != health.Unlimited {
			j.Max = &p.QuorumMax
		}
		all = append(all, j)
	}
	return all
}

var matches = map[health.Match]string{
	health.MatchName: "none", health.MatchExact: "exact", health.MatchPartial: "partial", health.MatchInitial: "initial",
}

// A bit is a boolean that keepalived writes as a number.
type bit bool

func (b bit) MarshalJSON() ([]byte, error) {
	if b {
		return []byte("1"), nil
	}
	return []byte("0"), nil
}

// A moment is a time in seconds of Unix, with six digits behind the point.
type moment time.Time

func (m moment) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%06d", time.Time(m).Unix(), time.Time(m).Nanosecond()/1000), nil
}

// A condition is written as keepalived's number for it, which is its own.
type condition daemon.Condition

func (c condition) MarshalJSON() ([]byte, error) { return strconv.AppendInt(nil, int64(c), 10), nil }
