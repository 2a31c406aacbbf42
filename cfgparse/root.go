package cfgparse

import (
	"sync"
	"time"

	"regent/cfgparse/syntax"
)

// Language is the whole vocabulary: the keywords of the top level, and through
// them those of every block.
var Language = sync.OnceValue(func() *Vocabulary {
	rows := []*Keyword{
		block("global_defs", A, globalVocabulary(), "what holds for the whole daemon", openGlobal, closeGlobal),
		block("vrrp_script", A, scriptVocabulary(), "a script that is run again and again", openScript, closeScript, named),
		block("vrrp_check", R, probeVocabulary(), "a service that is asked again and again, without a script; tracked by track_script", openProbe, closeProbe, named),
		block("track_file", A, fileVocabulary(), "a file whose number moves priorities", openFile, closeFile, named, alias("vrrp_track_file")),
		block("vrrp_track_process", A, processVocabulary(), "processes that are counted", openProcess, closeProcess, named),
		block("bfd_instance", C, bfdVocabulary(), "a BFD session", openBFD, closeBFD, named),
		block("vrrp_instance", A, instanceVocabulary(), "a virtual router", openInstance, closeInstance, named),
		block("vrrp_sync_group", A, groupVocabulary(), "virtual routers that share one fate", openGroup, closeGroup, named),
		block("track_group", B, trackGroupVocabulary(), "instances that fail with static addresses", openTrackGroup, closeTrackGroup, named),
		block("garp_group", B, garpVocabulary(), "links that share a rate of announcements", openGarpGroup, closeGarpGroup),
	}
	for _, part := range [][]*Keyword{staticRows(), linkRows(), processRows(), foreignRows()} {
		rows = append(rows, part...)
	}
	return vocabulary("", rows...)
})

// processRows are what the top level says of the daemon itself.
func processRows() []*Keyword {
	return []*Keyword{
		key("net_namespace", B, text(func(c *Config) *string { return &c.Process.Namespace }), "none", "network namespace to run in"),
		key("instance", B, text(func(c *Config) *string { return &c.Process.Instance }), "none", "name that is part of file names"),
		key("use_pid_dir", B, flag(func(c *Config) *bool { return &c.Process.PIDDir }), "", "pid files in /run/keepalived"),
		key("linkbeat_use_polling", C, flag(func(c *Config) *bool { return &c.Process.PollLinks }), "", "poll the state of links"),
		key("child_wait_time", B, wholeSeconds(0, unbounded/1_000_000, func(c *Config) *time.Duration { return &c.Process.ChildWait }), "5 s", "time for child processes to end: regent has none"),
		key("namespace_with_ipsets", C, flag(func(c *Config) *bool { return &c.Process.IPSetsInNetNS }), "", "ipsets in a namespace of an old kernel: regent needs none"),
	}
}

// foreignRows are the blocks and words of load balancing.
func foreignRows() []*Keyword {
	foreign := value[Config]{args: "... { }", shape: syntax.Foreign}
	rows := []*Keyword{key("net_namespace_ipvs", D, custom[Config]("[NAME]", nil, nil), "", "load balancing: passed over")}
	for _, name := range []string{"virtual_server", "virtual_server_group", "SSL"} {
		rows = append(rows, key(name, D, foreign, "", "load balancing: the block is passed over"))
	}
	return rows
}
