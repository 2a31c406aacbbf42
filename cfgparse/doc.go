// Package cfgparse turns configuration text into checked settings.
//
// The text becomes statements in package syntax; here each statement fills the
// fields that its row in the keyword tables names, then what follows from the
// whole is worked out (finish.go), and what cannot be meant is pointed out
// (cross.go).
//
// # Where to find what
//
// The way of a configuration:
//
//	cfgparse.go   what it depends on, and all stages of it
//	loader.go     statements fill targets
//	finish.go, finish_*.go   what the blocks mean once all are known
//	cross.go, doubts.go      what clashes, and what is hardly meant
//	config.go     what comes of it
//	pending.go    keywords that are understood and not acted on yet
//
// The language:
//
//	keyword.go    a keyword is a row of a table, a block is a table
//	values.go, numbers.go, times.go, scripts.go   kinds of values
//	lenient.go    numbers with something behind them, as keepalived reads them
//	root.go       the top level
//	global*.go    global_defs
//	instance*.go, password.go, hmac.go, profile.go, notify.go   vrrp_instance
//	group.go      vrrp_sync_group
//	track.go      what instances and groups depend on
//	checks.go, probes.go, files.go, processes.go, bfd.go        blocks of checks
//	static.go, links.go, garp_group.go            what is no instance's
//	address.go, annex.go                          an address with its options
//	cursor.go, route.go, encap.go, rule.go, names.go            routes and policy rules
//
// For people:
//
//	suggest.go    the word that was probably meant
//	effective.go, compare.go   regentctl config show and diff
//	cluster.go    the configurations of several nodes together
//	reference.go, format.go    regentctl config keywords and fmt
package cfgparse
