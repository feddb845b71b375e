/** Words of operations, offices and shops that mean the same in claims, column names, settings and logs. English. */

const groups = `
latency took take taken lasted last response responded responds answered answer elapsed duration runtime rtt elapsedtime
memory mem ram rss heap; disk storage volume filesystem
error errors err failures failed failure fail fails failing unsuccessful crashed fault faults
request requests req reqs call calls; connection connections conn conns connected pool
restart restarts restarted rebooted reboot reboots; database db postgres mysql
configuration config conf cfg configured; certificate certificates cert certs; message messages msg msgs
user users account accounts; login logins signin
utilization utilisation util usage use used uses using; temperature temp temperatures degrees
cpu cpus; production prod; staging stg; development dev; environment env
deployment deploy deployed deploys rollout released release shipped
delete deleted deletion removed remove removal dropped
start started starts starting begin began begun launched
finish finished finishes ended end ends complete completed completes completion done over
stop stopped stops halted shut; retry retries retried retrying; timeout timeouts timedout
expire expires expired expiry expiration notafter ttl; average avg mean
maximum max highest peak ceiling most; minimum min lowest floor least fewest; median p50
quantity qty count number num; size sizes bytes large big weighs; enable enabled on activated active
disable disabled off deactivated inactive; refuse refused reject rejected rejects denied declined
accept accepted accepts allowed permitted allows
success successes succeeded successful successfully ok passed pass passes; skip skipped skips ignored
replica replicas; worker workers; thread threads; keep kept keeps retention retained retain; garbage gc
transmit transmitted tx sent sends send outgoing egress; receive received rx incoming ingress; order orders
customer customers client clients; warning warnings warn warned; critical crit fatal
vulnerability vulnerabilities cve cves; price cost costs prices spend spent; revenue sales turnover
employee employees staff headcount; ticket tickets issue issues; free available; remaining left
throughput tps qps rps; queue queues queued backlog; waiting wait waited waits; depth length
bandwidth traffic; country countries; percentage percent pct share proportion
maintainer owner owned owns owners; address addr; primary leader master; secondary follower standby
upgrade upgraded upgrades updated update updates; version versions; interval every period frequency
level levels; directory dir folder path; password passwords passwd
parallel concurrent concurrently simultaneous simultaneously concurrency
limit limits limited capped cap restricted quota; target targets goal goals objective objectives slo
threshold thresholds alert alerts; healthy health up alive; unhealthy down dead; broken breakage
signup signups registration registrations registered; compression compress compressed gzip
build builds built; test tests tested; check checks checked; job jobs; page pages; attempt attempts tries
region regions; renew renewed renewal renews; schedule scheduled schedules cron; backup backups
visit visited visits visitor visitors; evict evicted evictions evicts; download downloads downloaded
upload uploads uploaded; merge merged merges; approve approved approval approves
host hosts hostname machine machines; interface interfaces iface nic; loopback lo; query queries
select selects; mobile phone; processed process handled handle; scale scaled scaling
deferred defer deferral; bounced bounce; postponed postpone delayed delay
cancelled canceled cancel cancellation; rollback rolled; open opened opens; close closed closes
lock locked locks; fetch fetched fetches; import imported imports; export exported exports
sync synced synchronised synchronized synchronisation; replication replicated; dependency dependencies
kernel kernels; zone zones az; hour hourly; day daily; month monthly; heading title; purge purged purges
firmware fw; sched scheduler; saturday sat; sunday sun; monday mon; tuesday tue tues; wednesday wed; thursday thu thur thurs; friday fri; shared sharing; javascript js; description desc descr; information info; identifier identity uid guid uuid; source src origin
destination dst dest; department dept departments; manager mgr; operation op ops operations
transaction txn trx transactions; parameter param params; argument arg args; attribute attr attrs
character char chars; document doc docs documents; documentation manual; executable exe binary binaries
function func fn functions; image img images; initialise init initialize initialised initialized
iteration iter iterations iters; kilobyte kilobytes; language lang languages; library lib libraries
location loc locations; management mgmt; organisation org organization organisations organizations
package pkg packages; picture pic pictures; position pos positions; previous prev; project proj projects
receipt receipts; reference ref refs references; repository repo repos repositories; resource resources
result res results outcome; revision rev revisions; sequence seq; session sess sessions
subscription sub subs subscriptions subscribers subscriber
synchronise resync; telephone tel phones; temporary tmp; transfer xfer transfers transferred
subnet subnets network networks; accumulator battery batteries; humidity hum; pressure press pressures
voltage volts volt; speed velocity; rotation revs; weight mass weights; altitude elevation
longitude lon lng; width widths; height heights; depot depots; parcel parcels shipment shipments
vehicle vehicles truck trucks lorry lorries van vans; passenger passengers rider riders; patient patients
student students pupil pupils; book books; room rooms; seat seats
booking bookings reservation reservations booked; invoice invoices bill bills
payment payments payout payouts; refund refunds refunded; voucher vouchers coupon coupons
discount discounts rebate; fee fees; salary wage wages salaries; budget budgets
balance balances; profit profits; margin margins; loss losses; donation donations; article articles sku
warehouse warehouses; shelf shelves; box boxes carton cartons; pallet pallets; factory plant plants
product products goods; defect defects defective; batch batches lot lots; oven ovens furnace; pump pumps
valve valves; motor motors; door doors; light lamp lamps lights; camera cameras cam cams; printer printers
laptop laptops; screen screens display; keyboard keyboards
license licence licenses licences; contract contracts; audit audits audited
incident incidents; outage outages; escalation escalated escalations; postmortem postmortems
finding findings; severity sev; priority prio; complaint complaints; survey surveys; rating ratings stars
vote votes voted; comment comments; review reviews reviewed reviewer reviewers; commit commits committed
branch branches; tag tags tagged; patch patches patched; bug bugs; feature features; milestone milestones
sprint sprints; story stories; task tasks todos; assignee assigned assignees; author authors
member members membership; team teams squad; group groups; role roles
permission permissions privilege privileges grant grants granted; policy policies; rule rules
firewall firewalls; port ports; protocol proto protocols; packet packets pkt pkts; frame frames; hop hops
route routes; gateway gateways gw; proxy proxies; balancer lb loadbalancer; cluster clusters; node nodes
pod pods; container containers; namespace namespaces; shard shards; partition partitions
index indexes indices idx; bucket buckets; table tables; column columns col cols; field fields
schema schemas; snapshot snapshots snap snaps; archive archives archived
restore restored restores recovery recovered recover; failover failovers switchover
migration migrations migrated migrate; rotate rotated rotates; cache caches cached; hit hits
miss misses missed; buffer buffers buf bufs; block blocks blk; sector sectors; inode inodes
mount mounts mounted; partitioning partitioned; swap swapped; core cores vcpu vcpus; load loads loadavg
procs proc; goroutine goroutines; handles fds fd descriptors; socket sockets; listener listeners
consumer consumers; producer producers publisher publishers; topic topics; offset offsets
lag lags lagging behind; acknowledge ack acks acked acknowledged acknowledgement
unacknowledged unacked unack; pending todo outstanding; stalled stuck hung hanging
throttle throttled throttling throttles ratelimited; drop drops; crash crashes crashing crashloop
panic panics panicked; exception exceptions exc; abort aborted aborts
kill killed kills killing oomkilled oomkill; terminate terminated terminates termination
interrupt interrupted interrupts interruption interruptions; invalid malformed corrupt corrupted corruption
duplicate dup dups duplicates duplicated dupes; missing absent; orphan orphans orphaned
unknown unrecognised unrecognized; mismatch mismatches mismatched; conflict conflicts conflicting
verify verified verification verifies; validate validated validation validates
authenticate auth authentication authenticated; authorise authorized authorised authorization authz
token tokens; secret secrets; key keys; encrypt encrypted encryption; sign signed signs signature signatures
install installed installs installation installations; uninstall uninstalled
create created creates creation creating; add added adds adding addition; insert inserted inserts
modify modified modifies modification; rename renamed; copy copied copies; move moved moves moving
print printed prints; render rendered renders rendering; compile compiled compiles compilation; lint linted
coverage covered; publish published publishes; subscribe subscribed
notify notified notification notifications; email emails mail mails; letter letters; webhook webhooks
callback callbacks; endpoint endpoints; uri url urls uris; domain domains; site sites; website websites
browser browsers; agent agents; operator operators; crawler crawlers spider; crawl crawled crawls
scan scanned scans scanning scanner; infect infected infections; virus viruses malware; spam junk
inbox mailbox mailboxes; attachment attachments; recipient recipients; sender senders; reply replies replied
chat chats; conversation conversations; rain rainfall precipitation; wind winds; snow snowfall; tide tides
river rivers; energy kwh; consumption consumes; grid grids; solar pv; turbine turbines; range ranges
lap laps; race races; point points; score scores; player players; game games; train trains; flight flights
bus buses; station stations; platform platforms; departure departures departed depart departs
arrival arrivals arrived arrive arrives; punctual ontime; border borders; tenant tenants
workspace workspaces; pipeline pipelines; stage stages; artifact artifacts artefact artefacts
runner runners; executor executors; slot slots; lease leases; window windows; grace graceperiod
backoff backoffs; cooldown cooldowns; heartbeat heartbeats; probe probes; ping pings pinged; jitter jitters
burst bursts; quorum quorums; election elections elected elect; term terms; epoch epochs
checkpoint checkpoints; compaction compactions compacted compact; segment segments
vacuum vacuums vacuumed autovacuum; deadlock deadlocks deadlocked; cursor cursors; statement statements stmt
view views viewed; click clicks clicked; impression impressions; conversion conversions converted
churn churned; lead leads; prospect prospects; campaign campaigns; channel channels; stream streams
video videos; song songs track tracks; photo photos; sensor sensors; device devices; gauge gauges
alarm alarms; trip trips tripped; fan fans; inlet inlets; rack racks; cabinet cabinets; cable cables
fibre fiber; antenna antennas; tower towers; sim sims; roaming roam; toner toners; sheet sheets
elevator lift elevators lifts; garage garages; tank tanks; silo silos; crane cranes
ship ships vessel vessels; berth berths; locker lockers; cupboard cupboards; guests guest
applicant applicants candidate candidates; interview interviews; hire hired hires; resign resigned
vacancy vacancies; training trainings trained; course courses; lesson lessons; exam exams; grade grades
withdraw withdrawn withdrawal withdrawals; suspend suspended suspension; deposit deposits deposited
revoke revoked revokes revocation; quarantine quarantined; isolate isolated; drain drained draining
cordon cordoned; taint tainted; evacuate evacuated; promote promoted promotion; demote demoted demotion
attach attached; detach detached; fulfil fulfilled fulfillment; pack packed packs packing
dispatch dispatched despatched; deliver delivered delivers delivery deliveries; pick picked picks
stock stocks inventory
`

/** Groups of words of one meaning; the first of each gives the name, and a word stands in one group only. */
export const synonyms: readonly (readonly string[])[] = groups
  .split(/[\n;]/)
  .map(group => group.split(/\s+/).filter(Boolean))
  .filter(group => group.length > 0)
