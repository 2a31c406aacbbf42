package cfgparse

import (
	"net/netip"
	"time"

	"regent/cfgparse/syntax"
	"regent/fsm"
	"regent/health"
	"regent/health/bfd"
	"regent/netif"
	"regent/vrrp"
)

// A Config is a whole configuration.
type Config struct {
	Global    Global
	Process   Process               // keywords of the top level
	Checks    []health.Check        // vrrp_script, in order
	Files     []health.FileCheck    // track_file, in order
	Processes []health.ProcessCheck // vrrp_track_process, in order
	Instances []Instance            // vrrp_instance, in order
	Groups    []Group               // vrrp_sync_group, in order
	Static    Static                // static_ipaddress, static_routes, static_rules
	Garp      []GarpGroup           // garp_group
	Delays    map[string]LinkDelay  // interface_up_down_delays, by interface
	Beats     map[string]string     // linkbeat_interfaces: MII, ETHTOOL or IOCTL, by interface
	BFD       []BFD                 // bfd_instance
}

// ForgetOrigins drops where instances and groups stand in the text, and with it
// the text. Nobody asks a configuration that runs, and it is a kilobyte for each.
func (c *Config) ForgetOrigins() {
	for i := range c.Instances {
		c.Instances[i].Origin = Origin{}
	}
	for i := range c.Groups {
		c.Groups[i].Origin = Origin{}
	}
}

// Process is what the top level says of the daemon itself.
type Process struct {
	Origin
	Namespace     string // net_namespace
	Instance      string // instance: part of file names
	PIDDir        bool   // use_pid_dir
	ChildWait     time.Duration
	PollLinks     bool // linkbeat_use_polling
	IPSetsInNetNS bool // namespace_with_ipsets
}

// Global is what global_defs says of the whole daemon.
type Global struct {
	Origin
	RouterID          string
	StartDelay        time.Duration
	DynamicInterfaces bool
	ScriptUser        string
	ScriptGroup       string
	ScriptSecurity    bool

	AllowIfChanges      bool   // dynamic_interfaces allow_if_changes
	DefaultInterface    string // of static addresses
	SupplementaryGroups bool   // set_supplementary_groups
	SymlinkPaths        bool   // use_symlink_paths
	DelayAfterBoot      time.Duration
	LogUnknownVRIDs     bool
	VMACPrefix          string
	VMACAddrPrefix      string

	Defaults    Defaults
	Announce    GlobalAnnouncing
	Notify      GlobalNotify
	Mail        Mail
	Daemon      Daemon
	Reload      Reload
	Dumps       Dumps
	Buffers     Buffers
	Firewall    Firewall
	SNMP        SNMP
	DBus        DBus
	SyncIPVS    *SyncIPVS
	NoLocalIGMP bool // disable_local_igmp
}

// Defaults are what global_defs says in place of instances that are silent.
type Defaults struct {
	Version            uint8
	Group4, Group6     netip.Addr
	Strict             bool
	CheckUnicastSource bool
	SkipCheckAddr      bool
	DownAdverts        int
	LowerNoAdvert      bool
	HigherSendAdvert   bool
	OwnerIgnores       bool
	V3ChecksumAsV2     bool
	PriorityChanges    bool
}

// GlobalAnnouncing is the vrrp_garp_* keywords of global_defs.
type GlobalAnnouncing struct {
	fsm.Announcing
	Interval4, Interval6 time.Duration // spacing of messages on a link (vrrp_garp_interval, vrrp_gna_interval)
	Minimal              bool          // vrrp_min_garp
	Extra                ExtraLinks    // vrrp_garp_extra_if
}

// ExtraLinks asks for announcements on links other than the advert's. What is
// said of an instance goes to its fsm.Announcing, too.
type ExtraLinks struct {
	Every time.Duration // 0: never
	All   bool          // not on virtual MACs alone
}

// An Instance is one virtual router. Each field is defined by the package that
// acts on it; this package only fills them in.
type Instance struct {
	Origin
	Name         string
	VRID         uint8
	WantMaster   bool // state MASTER
	Port         netif.Port
	Router       fsm.Config
	Profile      vrrp.Profile // all but Primary, which the daemon knows better
	Advertised   []netip.Addr // virtual_ipaddress, in order
	Estate       netif.Estate // virtual_ipaddress and virtual_ipaddress_excluded
	Tracks       []health.Track
	TrackPrimary bool // the port's interface down means FAULT (no dont_track_primary)

	Auth        vrrp.Auth // authentication or auth_hmac; Profile.Auth points here if there is any
	AuthHeader  bool      // auth_type AH
	Routes      []netif.Route
	Rules       []netif.Rule
	VMAC        netif.VMAC
	Notify      Notify
	Accept      bool // packets to the addresses are accepted (accept, no_accept)
	Strict      bool // strict_mode
	TrackSource bool // track_src_ip: FAULT when the configured source is gone

	FaultWithoutPeers  bool        // meant for unicast, it has no peers: FAULT (unicast_fault_no_peer)
	NoAddresses        bool        // no_virtual_ipaddress
	ChecksumTx         ChecksumTx  // checksum_tx, v3_checksum_as_v2
	OldUnicastChecksum OldChecksum // old_unicast_checksum
	SkipCheckAddr      bool        // skip_check_adv_addr
	PromoteSecondaries bool        // promote_secondaries
	PollLink           bool        // linkbeat_use_polling
	ReceiveBuffer      int         // kernel_rx_buf_size, bytes; 0: as the policy says
	Extra              ExtraLinks  // garp_extra_if
	Debug              int         // debug, without effect
}

// ChecksumTx is the form of the checksum of adverts of version 3 over IPv4
// (W-45).
type ChecksumTx uint8

const (
	ChecksumAuto        ChecksumTx = iota // that of the neighbour heard last (W-47)
	ChecksumPseudo                        // always with the pseudo-header
	ChecksumMessageOnly                   // never with it: RFC 9568, v3_checksum_as_v2
)

// OldChecksum is how the unicast checksum of old keepalived is treated.
type OldChecksum uint8

const (
	OldChecksumAuto  OldChecksum = iota // understood, and used with who uses it
	OldChecksumOnly                     // old_unicast_checksum
	OldChecksumNever                    // old_unicast_checksum never
)

// A Group is a vrrp_sync_group.
type Group struct {
	Origin
	Name    string
	Members []string // instance names
	Tracks  []health.Track

	Notify      Notify
	KeepWeights bool // sync_group_tracking_weight
}

// A Command is a script with the user that runs it.
type Command struct {
	At    syntax.Pos
	Args  []string // argv; nil: none
	Line  string   // as it was written
	User  string   // empty: script_user
	Group string
}

// Notify is whom an instance or a group tells of its changes.
type Notify struct {
	Master, Backup, Fault, Stop *Command
	Deleted                     *Command
	Any                         *Command // notify
	LowerPriority               *Command // notify_master_rx_lower_pri
	TellDeleted                 bool     // notify_deleted stands there, with a script or without
	PriorityChanges             *bool    // notify_priority_changes; nil: the group's, else the global
	Mail                        *bool    // smtp_alert; nil: the global
}

// commands are those that there are.
func (n *Notify) commands() []*Command {
	var all []*Command
	for _, c := range []*Command{n.Master, n.Backup, n.Fault, n.Stop, n.Deleted, n.Any, n.LowerPriority} {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}

// GlobalNotify is whom the daemon tells of every change.
type GlobalNotify struct {
	FIFO, VRRP      FIFO // notify_fifo, vrrp_notify_fifo
	RewriteOnReload bool // fifo_write_vrrp_states_on_reload
	Startup         *Command
	Shutdown        *Command
	StartupTimeout  time.Duration
	ShutdownTimeout time.Duration
}

// A FIFO is a pipe that a script may read.
type FIFO struct {
	Path, User, Group string
	Script            *Command
}

// Mail is how people are told by mail.
type Mail struct {
	To      []string // notification_email
	From    string
	Server  string
	Port    uint16
	Helo    string
	Timeout time.Duration
	Alert   *bool // smtp_alert
	VRRP    *bool // smtp_alert_vrrp
	NoFault bool  // no_email_faults
}

// Daemon is how keepalived runs its processes.
type Daemon struct {
	ProcessNames bool
	ParentName   string
	VRRPName     string
	BFDName      string
	Nice         int
	Lock         bool // vrrp_no_swap
	RealTime     int  // vrrp_rt_priority; 0: off
	RTTime       time.Duration
	CPUs         []int
	AutoPriority int // max_auto_priority
	AutoDelay    time.Duration
	BFDNice      int
	BFDLock      bool
	BFDRealTime  int
	BFDRTTime    time.Duration
	BFDCPUs      []int
	Umask        uint32
	RandomSeed   uint32
}

// Reload is how the configuration is read anew.
type Reload struct {
	CheckFirst bool
	CheckLog   string
	TimeFile   string
	Repeat     bool
	MarkFile   string // reload_file
	Marked     bool
}

// Dumps is where the daemon writes its state.
type Dumps struct {
	SaveDir, TmpDir                string
	UseInstance                    bool
	StateFile, StatsFile, JSONFile string
	JSONVersion                    int
	IPRouteUsr, IPRouteEtc         string
}

// Buffers are sizes of socket buffers; 0: the system's.
type Buffers struct {
	Policy       string // MTU, ADVERT or bytes
	Multiplier   int
	Command      int
	Monitor      int
	CommandForce bool
	MonitorForce bool
	Process      int
	ProcessForce bool
}

// Firewall is how packets to addresses that are not accepted are dropped.
type Firewall struct {
	IPTables          []string // chains; nil: none
	IPSets            []string
	Table             string // nftables
	Priority          int
	Counters, IfIndex bool
}

// SNMP is what an SNMP agent may ask.
type SNMP struct {
	Socket                         string
	Traps, VRRP, RFC, RFCv2, RFCv3 bool
}

// DBus is how the daemon shows itself on D-Bus.
type DBus struct {
	Enabled         bool
	Service         string
	NoInterfaceName string
}

// SyncIPVS is the connection synchronisation of IPVS (lvs_sync_daemon).
type SyncIPVS struct {
	Interface, Instance string
	ID, MaxLen          int
	Port                uint16
	TTL                 uint8
	Group               netip.Addr
}

// Static is what the daemon keeps on its host while it runs, whatever the
// states of its routers.
type Static struct {
	Addresses []StaticAddress
	Routes    []netif.Route
	Rules     []netif.Rule
	Groups    []TrackGroup // track_group
}

// A StaticAddress is a line of static_ipaddress.
type StaticAddress struct {
	netif.Address
	TrackGroup string
}

// A TrackGroup names the instances that fail with a static address or route.
type TrackGroup struct {
	Origin
	Name    string
	Members []string
}

// A GarpGroup is links that share a rate of announcements.
type GarpGroup struct {
	Origin
	Interval4, Interval6 time.Duration
	Interfaces           []string
}

// A LinkDelay is how long a link must be up or down before it counts.
type LinkDelay struct{ Down, Up time.Duration }

// A BFD is a session of bidirectional forwarding detection (bfd_instance).
type BFD struct {
	Origin
	Name string
	bfd.Settings
	Weight          int
	Reverse         bool
	ForVRRP, ForLVS bool // who hears of it
}

// Check returns the session as a check among others.
func (b *BFD) Check() health.Check {
	return health.Check{Kind: health.BFD, Name: b.Name, BFD: b.Settings}
}
