/**
 * The vocabulary of operations in groups: words that say the same, words that say the opposite, words that
 * exclude one another. Data only; what is made of it is told in the lexicon.
 */

/**
 * Things and their attributes: words of one line say the same; the first one names them all. A word with a
 * mark behind it stands for no other form of it.
 */
export const objects = `
latency|response-time|responsetime
error|exception
outage|incident|downtime|disruption|interruption|unavailability|unavailable|breakdown
memory|ram|rss
cpu|processor
disk|storage|volume|drive
request|call|req|invocation
server|host|machine|node|instance|vm|box
database|db
message|msg
job|task
ticket|issue
bug|defect|fault|flaw|glitch
mail|email|e-mail
phone|handset|mobile|telephone
laptop|notebook
picture|photo|photograph
refund|reimburs|reimbursement|money-back
website|site
mistake|slip
pull-request|pr|merge-request
alert|alarm|alerting
certificate|cert
password|credential|passphrase
uptime|availability
throughput|bandwidth
queue|backlog
config|configuration|setting!|settings|cfg
connection|conn
coverage
dependency|package|library
repository|repo
customer|client
user|visitor|people|person|guest
employee|colleague|staff|worker-person|personnel|crew
commit|changeset
backup|snapshot
cost|bill|price|expense|invoice|spend|spent|charge|tariff|priced|billed|pays
size|footprint
retention|retain
timeout|time-out
limit|cap|ceiling|quota|maximum-allowed|upper-bound|allowance
target|goal|objective|slo|aim
budget
threshold
record|row|entry
cluster
pod
replica
region
partition|shard
document|doc
temperature|temp
image|picture
endpoint|route
team|squad
attempt|try|tries|retry|retries
vulnerability|cve|advisory
lag|delay
wait|waiting|waited
cache
index|indice
session|login|sign-in|logon|log-in
order|purchase
parameter|param|argument
environment|env
production|prod|live-system
worker
thread
file
page
test|check|spec
pipeline|ci
build
signup|registration|sign-up
hit
miss
import
export
shop|store|outlet
vehicle|car
participant|attendee
supplier|vendor|provider|seller
buyer|purchaser
contract|agreement
survey|questionnaire|poll
salary|wage
lorry|truck
screen|display
network|net
packet
warning|warn
flag|toggle
artifact|artefact
licence|license
account
permission|privilege
administrator|admin
feature|function|functionality
question|enquiry|inquiry
complaint|grievance
stock|inventory
warehouse|depot
meeting!|meetings!
shelf|shelv
payment|payout
booking!|bookings!|reservation
appointment
bid|tender
speed|velocity
weight|mass
subscription|subscriber
notification
transaction
event
member
city|town
film|video|clip
lift|elevator
rubbish|waste|trash
petrol|fuel|gasoline
torch|flashlight
kitchen|canteen
desk|workplace|workstation
vote|ballot
parcel|shipment
`

/** What happens, likewise. */
export const events = `
start|begin|began|begun|launch|initiat|commenc|kick-off|boot|onset
end|finish|complet|conclud|done|wrap-up|ended|completion
stop|halt|ceas|shut-down|stopped|shutdown
pause|suspend|frozen|froze|freeze|on-hold
resume|continu
restart|reboot|bounc|respawn|cycled
fail|failur|crash|abort|broke|broken|unsuccessful|fell-over|collaps|malfunction|died!
succeed|success|pass|green
release|deploy|deployment|rollout|roll-out|ship|publish|live|go-live|land|publication
rollback|revert|roll-back|back-out|undone|undo
restore|recover|recovery|recoveri|come-back|bring-back|back-up-again|healthy|heal|back
fix|patch|repair|resolv|resolution|solv|remedi|remediat|mitigat|gone|vanish|disappear|mend|rectif|rectify
detect|notic|discover|spot|found|caught|identif|identify|uncover
page-out|paged|woken|woke|wake
merge|merg
approve|accept|approval|sign-off|granted|grant
reject|declin|refus|den|deni|turn-down|deny|denied
enable|activat|turn-on|switch-on|enabl
disable|deactivat|turn-off|switch-off|disabl
open|reopen
close|shut|closure
create|creat|add|introduc|creation|addition|introduction
delete|remov|delet|drop-out|purg|remove|eras|retir|wiped|removal|deletion|erasure|clean-up|discard
upgrade|updat|bump|upgrad|moderniz
downgrade|downgrad
install|fitted|fit|mount|installation
expire|expiry|expir|lapse|run-out|laps
renew|rotat|reissu|renewal|rotation
affect|hit-by|impact|concern|disrupt|disturb
lose|lost|loss|losse|losing|missing|dropped!|drops!|drop!|mislaid|disappeared
skip|omit|omitted
send|sent|deliver|emit|dispatch|forward|transmit|transmitted
receive|receiv|got|arriv|arrived|came-in
block|ban|bann
allow|permit|permitt
contain|includ|hold|held|compris
support
change|modif|alter|edit|amend|adjust|modification|adjustment
move|migrat|migration|transfer|relocat|transferr|relocation
replace|swap|substitut|replacement|swapp|exchang
copy|copi|replicat|duplicat
read
write|wrote|written|save|saved
upload
download
process|handl|serv|treat|dealt|serve|manag
escalat|escalate
assign|allocat
postpone|postpon|defer|push-back|delay-until|delayed|deferr|reschedul|postponement
cancel|cancell|cancelled|call-off|scrap|abandon|withdrawn|withdraw|withdrew|scrapp|revok|revoke|recall|withdrawal|rescind
lock
unlock
encrypt|encryption
leak|expos|leakage
corrupt|damag|corruption
scale|autoscal
trigger|caus|cause|fired!|sounded!|went-off|rang!|rung!
rebuild|rebuilt|reindex
verify|verif|confirm|valid|validat|acknowledg|ack|confirmation
review|audit|inspect|examin|inspection|examination|look-at|scan
exceed|surpass|overshoot
evict|oom-kill|oomkill|kill|terminat
join
leave|left
miss-out|missed
answer|respond|reply|repli|respons|response
attend|participat|took-part|participate
sell|sold
buy|bought
hire|hired|recruit|employ
resign|quit
paid
fill|filled
empty|emptied
charge-up|recharg
clean|wash
build-up|built|construct|erect
file-in|filed|submit|submitt|lodged|lodg
register|registr|enrol|enroll|sign-up-for
arrive|reach-site
depart|departure
offline|unreachable
hang|hung|stuck|stall
deprecat|deprecate|obsolet
connect|attach|plug
disconnect|detach|unplug|cut-off
throttl|throttle
reset
misroute|misrout
invite|invit
pick-up|collect
handed-in|hand-back|gave-back
`

/** Words that only carry a figure, or that hold for everything. */
export const softs = `
met meet meets achieve achieved
take took taken last lasted duration elapse amount number figure value count total sum level service
system application app component platform product tool measure record observe log see saw seen show
shown come came stand stood state status report reported find found make made give gave given keep kept
stay stayed remain remained reach hit have get got be become became go went set put do did happen
occur place time moment point day date hour minute week month year night morning afternoon evening today
currently now current actual actually exactly precisely altogether overall entirely fully grand average
mean median maximum minimum max min peak percentile p50 p90 p95 p99 highest lowest largest smallest
slowest fastest longest shortest worst best higher lower larger smaller bigger faster slower longer
shorter greater quick quickly rise rose risen grow grew grown increase fall fell fallen drop decrease
decline climb jump shrink shrank shrunk double triple halve doubled tripled halved change percent
percentage share rate ratio fraction proportion per each every all any both roughly approximately around
nearly almost least most more less fewer than about up down later earlier before after since until
during within between through throughout while when then once again finally eventually soon already
still yet also even just only very quite rather well much many several few some need spend use
used using usage usag utilisation utilization utiliz utilis consum consumption occup work working
consist run ran running schedule scheduled allow configure define list exist know known require requires
call called name named there here which what who that this these those over left rest alone say said
says note mention describe accord according version versions release releases time-span window period
stretch interval way thing part piece case kind type sort because due owing thanks without despite
instead one two three four five six seven eight nine ten eleven twelve hundred thousand million billion
dozen half quarter twice thrice successfully properly correctly manually automatically normally usually
typically out off in on at of to from by for with into onto upon under above below against across among
utc gmt cet cest est edt pst pdt bst am pm consecutively row equal ever never no not none neither nor
nothing nobody figures numbers results result outcome available appear seem turn prove deploy january
february march april may june july august september october november december jan feb mar apr jun jul
aug sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday
raise raised raising lift lifted lower lowered reduce reduced reduction cut enlarge enlarged extend extended
shorten shortened expand expanded boost boosted trim trimmed climbed soared surged sank tightened relaxed
amounted totalled totaled totalling numbered comprise comprised consisted comprises averaged averages peaked
require required requires demanded wanted want wants expect expected planned plan plans intend intended
estimate estimated forecast aimed aims supposed meant ought announced agreed decided decide
mean means meant bring brought gets getting
cause contain contained include including included inclusive
figures sums totals amounts quantity quantities occurrences occurrence occasion occasions
itself themselves himself ourselves own altogether together combined jointly completely
roughly circa barely hardly merely simply nearly slightly considerably significantly sharply strongly markedly
initially originally previously formerly recently lately meanwhile presently nowadays afterwards beforehand
additionally moreover furthermore however therefore thus hence although though whereas nevertheless
immediately promptly straight directly quickly rapidly gradually steadily constantly continuously permanently
temporarily briefly shortly long short whole good bit lot lots plenty enough
respectively approximately possibly probably apparently obviously clearly certainly definitely presumably
noted noticed logged listed counted seen registered measured recorded observed quoted stated indicated
beginning middle start-up course end-of spell phase stage round
someone somebody anyone anybody everyone everybody something anything everything
weekend midnight noon daytime
reading! readings! cheaper dearer costlier expensive cheap
launch-day weekday workday
fewest older newer younger elder everyone dearest cheapest oldest youngest heaviest lightest busiest hottest coldest greatest biggest quietest emptiest
`

/** Opposites: where a claim has one and a source the other, they speak of different things or contradict. */
export const opposites = `
start/end stop/start start/resume fail/succeed enable/disable open/close create/delete upgrade/downgrade accept/reject
allow/block send/receive read/write upload/download lock/unlock approve/reject release/rollback
import/export hit/miss join/leave pause/resume lose/restore install/delete
approve/cancel connect/disconnect arrive/depart buy/sell hire/resign fill/empty renew/expire fix/fail
receive/lose send/lose accept/cancel register/cancel
`

/** Words of one line exclude one another as qualifiers of the same noun. */
export const rivals = `
daily nightly weekly monthly hourly yearly annual quarterly
read write
incoming outgoing inbound outbound
primary secondary replica standby
client server
hit miss
hot cold warm
free used
internal external
public private
upload download
import export
full incremental differential
request response
mobile desktop web
android ios
red green yellow orange
morning afternoon evening night
north south east west
monday tuesday wednesday thursday friday saturday sunday
first second third fourth fifth
open closed
major minor
critical high medium low
unit integration
frontend backend
ingress egress
ipv4 ipv6
cpu memory disk network
success failure
median mean
left right
male female
blue green
input output
old new current existing present previous former
first last
east west
upper lower
valid invalid
p50 p90 p95 p99
internal customer
gross net
single double
planned actual
adult child
indoor outdoor
domestic foreign international
paid free unpaid
summer winter spring autumn
day night
local remote
manual automatic
senior junior
ascending descending
active inactive idle passive
temporary permanent
direct indirect
horizontal vertical
northern southern eastern western
minimum maximum
front rear
inner outer
front back
`

/** Two words that stand for one concept. */
export const phrasePairs = `
response time=latency|respons time=latency|roll back=rollback|rolled back=rollback|back out=rollback|backed out=rollback
roll out=release|rolled out=release|went out=release|go live=release|went live=release|goes live=release|came back=restore|come back=restore
brought back=restore|turned on=enable|turned off=disable|switched on=enable|switched off=disable|switch off=disable|switch on=enable|turn off=disable|turn on=enable
broke off=stop|breaks off=stop|watt hour=energy|watt hours=energy|turned away=reject|turn away=reject|came in=receive|money back=refund|took over=replace|shut down=stop|kick off=start|kicked off=start|called off=cancel|put off=postpone|pushed back=postpone|ran out=expire|run out=expire
pull request=pull-request|pull requests=pull-request|merge request=pull-request|merge requests=pull-request|took up=use|takes up=use|go down=outage
was down=outage|were down=outage|timed out=timeout|time out=timeout|times out=timeout|signed off=approve|turned down=reject|died down=end|set up=create
load test=loadtest|load tests=loadtest|dry run=dryrun|dry runs=dryrun|data centre=datacenter|data center=datacenter|data centres=datacenter|data centers=datacenter
data loss=lose|on hold=pause|back up=restore|fell over=fail|logged in=session|log in=session|sign up=signup|signed up=signup
went missing=lose|gone missing=lose|go missing=lose|got lost=lose|gets lost=lose|taken down=stop|took down=stop|went down=outage|goes down=outage
broke down=fail|broken down=fail|breaks down=fail|gave out=fail|packed up=fail|pushed out=release|shipped out=release|put live=release|handed in=handed-in
sent out=send|sends out=send|sent off=send|take part=attend|took part=attend|taken part=attend|takes part=attend|set off=trigger|sets off=trigger|went off=trigger|goes off=trigger
carried out=do|carry out=do|cut off=disconnect|looked at=review|looked into=review|dealt with=process|deals with=process|cleaned up=delete|thrown away=delete
locked up=pause|locked out=block|got stuck=hang|put back=postpone|moved back=postpone|pushed out=release|brought forward=change|filled in=answer|picked up=pick-up|pick up=pick-up
wound up=end|wind up=end|winds up=end|finished off=end|wrapped up=end|came online=restore|back online=restore|taken offline=stop|took offline=stop|gone offline=offline|went offline=offline
credit note=creditnote|credit notes=creditnote|call off=cancel|took back=cancel|taken back=cancel|let through=allow|lets through=allow|turned up=arrive|showed up=arrive|checked out=checkout|check out=checkout
spare part=sparepart|spare parts=sparepart|status page=statuspage|help page=helppage|help pages=helppage|run book=runbook|work station=desk|meeting room=meetingroom
`
