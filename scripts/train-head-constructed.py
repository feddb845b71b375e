# ruff: noqa: E501 (a predicate is a line)
"""Make pairs about software in operation, and about findings of studies, right by construction.

    python scripts/train-head-constructed.py > constructed.jsonl

A predicate has sentences that say it holds and sentences that say it does
not. A claim beside a passage of the same side is supported, beside one of the
other side refuted; beside another service, another predicate or a mere plan
it is neither. Same lines as train-head-pairs.py; SEED decides everything.
"""

import json
import random
import re
from collections.abc import Iterator

SEED = 20261121
CLAIMS = 6000

SERVICES = [
    "checkout",
    "billing",
    "search",
    "auth",
    "catalog",
    "ledger",
    "mailer",
    "gateway",
    "scheduler",
    "indexer",
    "thumbnailer",
    "recommender",
    "inventory",
    "pricing",
    "shipping",
    "notification",
    "audit",
    "export",
    "ingest",
    "session",
    "profile",
    "payments",
    "refunds",
    "webhook",
    "media",
    "router",
    "registry",
    "orders",
    "tax",
    "loyalty",
    "chat",
    "presence",
    "feed",
    "geocoder",
    "archive",
    "reporting",
    "fraud",
    "quota",
    "telemetry",
    "importer",
    "planner",
    "translator",
    "crawler",
    "renderer",
    "dispatcher",
    "vault",
    "identity",
    "directory",
    "invoice",
    "subscription",
]
SUFFIXES = ["", " service", "-api", "-worker", " service", "-svc", " backend", " job"]
REGIONS = [
    "eu-west-1",
    "us-east-2",
    "Frankfurt",
    "the Tokyo region",
    "ap-south-1",
    "zone b",
    "the second cluster",
]
THINGS = [
    "postgres",
    "redis",
    "kafka",
    "rabbitmq",
    "mysql",
    "elasticsearch",
    "memcached",
    "etcd",
    "nginx",
    "haproxy",
    "s3",
    "clickhouse",
]
FLAGS = [
    "dark-mode",
    "new-cart",
    "fast-path",
    "beta-search",
    "strict-csp",
    "lazy-load",
    "bulk-export",
    "two-step-login",
    "shadow-writes",
    "request-hedging",
    "live-preview",
    "smart-retry",
    "read-only-mode",
    "auto-archive",
]
TEAMS = [
    "platform team",
    "payments team",
    "on-call engineer",
    "data team",
    "security team",
    "release manager",
]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "1 March", "14 May"]

CAUSES = """coffee; regular exercise; smoking; aspirin; fish oil; sleep loss; air pollution; a low-salt diet; green tea;
the new fertiliser; irrigation; the speed limit; smaller classes; homework; the tax cut; remote work; noise; sunlight;
the drug; the vaccine; antibiotics; probiotics; zinc; hand washing; face masks; early screening; the therapy; yoga;
caffeine; alcohol; sugar; red meat; vitamin supplements; steroid treatment; surgery; counselling; the training programme;
warm weather; humidity; crop rotation; the insecticide; price controls; public transport; insulin; statins; obesity;
diabetes; old age; stress; the mutation; herbal tea; garlic; ultraviolet light; disinfectant; ventilation""".replace(
    "\n", " "
).split("; ")
OUTCOMES = """heart disease; blood pressure; the risk of stroke; infections; mortality; anxiety; crop yield; unemployment;
test scores; road accidents; inflammation; cancer; asthma attacks; hospital admissions; cholesterol; memory loss; migraine;
body weight; productivity; emissions; soil erosion; tooth decay; viral load; severe illness; lung damage; transmission;
immune response; fever; depression; kidney failure; bone density; allergic reactions; absence from work; recovery time;
symptoms; the death rate; antibody levels; insulin resistance; insomnia; complications""".replace(
    "\n", " "
).split("; ")
PEOPLE = [
    "adults",
    "children",
    "older people",
    "patients",
    "mice",
    "pregnant women",
    "volunteers",
    "nurses",
    "smokers",
    "students",
]

# Of studies: {c} is a cause, {o} an outcome, {p} who was looked at.
FINDINGS = """
{c} increases {o}; {c} raises {o}; {o} rose with {c}; {c} is linked to higher {o}; {c} makes {o} worse or more frequent; more {o} was seen with {c} among {p} | {c} reduces {o}; {c} lowers {o}; {o} fell with {c}; {c} is linked to lower {o}; less {o} was seen with {c} among {p}; {c} protects against {o} | it is unclear whether {c} changes {o}; further studies are needed on {c} and {o}; the effect of {c} on {o} was not examined
{c} increases {o}; {c} leads to more {o}; {c} is a cause of {o}; {c} contributes to {o}; {o} was significantly higher with {c} in {p} | {c} does not increase {o}; {c} has no effect on {o}; {c} was not associated with {o}; no link between {c} and {o} was found; {o} did not differ with or without {c} in {p} | whether {c} affects {o} remains unknown; a trial of {c} and {o} in {p} is under way
{c} reduces {o}; {c} prevents {o}; {c} decreases {o} in {p}; {c} helps against {o}; {p} with {c} had significantly less {o} | {c} does not reduce {o}; {c} failed to prevent {o}; {c} brought no reduction of {o}; there is no evidence that {c} prevents {o}; {p} with {c} had as much {o} as those without | the role of {c} in {o} is still debated; researchers plan to study {c} and {o}
{c} is effective against {o}; {c} is a useful treatment for {o}; {c} works against {o}; {p} benefited from {c} with regard to {o}; {c} improves {o} | {c} is ineffective against {o}; {c} showed no benefit for {o}; {c} is useless against {o}; {p} did not benefit from {c} with regard to {o}; {c} cannot be recommended for {o} | {c} has been proposed for {o}; studies of {c} for {o} are recruiting {p}
{c} causes {o}; {o} is caused by {c}; {c} is responsible for {o}; {c} can trigger {o} in {p} | {c} does not cause {o}; {o} is not caused by {c}; it is a myth that {c} causes {o}; {c} was ruled out as a cause of {o} in {p} | some {p} with {o} also had {c}; the origin of {o} is unknown
{c} is associated with {o}; there is a link between {c} and {o}; {c} and {o} go together; {c} predicts {o} in {p}; {c} is a risk factor for {o} | {c} is not associated with {o}; there is no link between {c} and {o}; {c} and {o} are unrelated; {c} does not predict {o} in {p}; {c} is no risk factor for {o} | data on {c} and {o} are lacking; {c} and {o} were both recorded in {p}
{c} is safe for {p}; {c} had no serious side effects in {p}; {p} tolerated {c} well; {c} can be used by {p} | {c} is dangerous for {p}; {c} had serious side effects in {p}; {p} tolerated {c} badly; {c} harms {p}; {p} should avoid {c} | the safety of {c} in {p} has not been tested
most {p} approve of {c}; {p} are in favour of {c}; {c} is popular with {p}; the majority of {p} support {c} | most {p} disapprove of {c}; {p} are against {c}; {c} is unpopular with {p}; only a minority of {p} support {c} | the views of {p} on {c} are not known
{o} is common in {p}; {o} occurs often in {p}; many {p} have {o}; {p} frequently show {o} | {o} is rare in {p}; {o} hardly occurs in {p}; few {p} have {o}; {p} seldom show {o} | {o} in {p} has not been counted
{o} in {p} is getting worse; {o} has increased over the years; there is more {o} than before; {o} keeps growing | {o} in {p} is getting better; {o} has decreased over the years; there is less {o} than before; {o} keeps shrinking | how {o} develops in {p} is not known
the first study of {c} confirmed an effect on {o}; tests showed that {c} changes {o}; an effect of {c} on {o} was demonstrated; {c} clearly influences {o} | tests showed no change of {o} by {c}; an effect of {c} on {o} was disproved; {c} does not influence {o}; claims that {c} changes {o} are false | the first results on {c} and {o} are expected next year
"""

# Of operations: holds | does not hold | only planned. {s} is the subject, {x} a second thing.
OPERATIONS = """
{s} is running; {s} is up; {s} is online and serving traffic; status of {s}: running; state={s} up | {s} is down; {s} is not running; {s} has stopped; {s} is offline; status of {s}: stopped; {s} crashed and did not come back | {s} is to be started again on {d}
{s} is healthy; all health checks of {s} pass; {s} health=ok; {s} reports healthy | {s} is unhealthy; health checks of {s} fail; {s} health=failing; {s} reports unhealthy |
the deployment of {s} succeeded; {s} was deployed successfully; deploy of {s} finished without errors; {s} rollout complete | the deployment of {s} failed; {s} could not be deployed; deploy of {s} was aborted; {s} was rolled back; {s} rollout failed | {s} will be deployed on {d}; a deployment of {s} is planned for {d}
{f} is enabled in {s}; {s} has {f} turned on; {f}: true in the configuration of {s}; {s} uses {f} | {f} is disabled in {s}; {s} has {f} turned off; {f}: false in the configuration of {s}; {s} does not use {f} | {f} should be enabled in {s} next quarter; the {t} proposes {f} for {s}
{s} encrypts its data at rest; data of {s} is encrypted at rest; encryption at rest is on for {s} | {s} stores its data in plaintext; data of {s} is not encrypted at rest; {s} has no encryption at rest | encryption at rest for {s} is on the roadmap
the error rate of {s} increased; {s} had more errors than before; errors of {s} went up; {s} error rate rose after the release | the error rate of {s} decreased; {s} had fewer errors than before; errors of {s} went down; {s} error rate fell after the release | the error rate of {s} should fall with the next release
the latency of {s} improved; {s} became faster; {s} answers more quickly now; response times of {s} dropped | the latency of {s} got worse; {s} became slower; {s} answers more slowly now; response times of {s} rose | the latency of {s} is to be improved by {d}
memory use of {s} grew; {s} uses more memory than last week; memory of {s} keeps rising | memory use of {s} shrank; {s} uses less memory than last week; memory of {s} keeps falling |
{s} lost data; writes to {s} were lost; some records of {s} are gone for good | {s} lost no data; no writes to {s} were lost; every record of {s} was recovered |
the outage of {s} was caused by {x}; {x} brought {s} down; root cause of the {s} outage: {x} | {x} did not cause the outage of {s}; {x} was ruled out as the cause of the {s} outage; the outage of {s} had nothing to do with {x} | whether {x} caused the outage of {s} is still under investigation
customers were affected by the {s} incident; users noticed the failure of {s}; the {s} incident had customer impact | no customers were affected by the {s} incident; no user noticed the failure of {s}; the {s} incident had no customer impact |
the alert for {s} fired; an alert was raised for {s}; pager went off for {s} | no alert fired for {s}; the alert for {s} stayed silent; nobody was paged for {s} | an alert for {s} will be added
the backup of {s} completed; {s} was backed up; nightly backup of {s} finished: ok | the backup of {s} failed; {s} was not backed up; nightly backup of {s} aborted | a backup of {s} is scheduled for {d}
{s} writes to {x}; {s} stores its state in {x}; {s} persists to {x} | {s} does not write to {x}; {s} keeps nothing in {x}; {s} no longer uses {x} | {s} will move to {x} next year
{s} can reach {x}; the connection from {s} to {x} works; {s} connected to {x} | {s} cannot reach {x}; connection refused from {s} to {x}; {s} lost its connection to {x}; {s} timed out talking to {x} |
{s} is owned by the {t}; the {t} runs {s}; owner of {s}: {t} | {s} is not owned by the {t}; the {t} gave {s} away; the {t} does not run {s} | {s} will be handed to the {t}
traffic to {s} is encrypted with TLS; {s} only accepts HTTPS; TLS is required by {s} | {s} accepts plain HTTP; traffic to {s} is not encrypted; TLS is off for {s} | {s} will require TLS from {d}
{s} retries failed requests; failed requests of {s} are retried; {s} tries again after an error | {s} does not retry failed requests; failed requests of {s} are dropped; {s} gives up after the first error | retries will be added to {s}
the certificate of {s} is valid; {s} has a valid certificate; certificate check of {s}: ok | the certificate of {s} has expired; {s} has an expired certificate; certificate check of {s}: expired | the certificate of {s} is due for renewal on {d}
{s} runs in {r}; {s} is deployed in {r}; there are instances of {s} in {r} | {s} does not run in {r}; there are no instances of {s} in {r}; {s} was removed from {r} | {s} is to be launched in {r} on {d}
the migration of {s} to {x} is finished; {s} has been migrated to {x}; {s} now runs on {x} | the migration of {s} to {x} is not finished; {s} has not been migrated to {x}; the migration of {s} to {x} was abandoned | {s} will be migrated to {x}
tests of {s} pass; the build of {s} is green; all tests of {s} succeeded | tests of {s} fail; the build of {s} is red; several tests of {s} failed |
access to {s} is restricted to administrators; only administrators can use {s}; {s} denies everyone but administrators | everyone can use {s}; access to {s} is open; {s} is accessible without logging in | access to {s} will be restricted
the {t} approved the change to {s}; the change to {s} was accepted; approval for {s} was granted | the {t} rejected the change to {s}; the change to {s} was refused; approval for {s} was denied | the {t} will review the change to {s} on {d}
caching is active in {s}; {s} caches responses; responses of {s} come from a cache | caching is off in {s}; {s} caches nothing; {s} computes every response anew | a cache for {s} is being considered
the queue of {s} is empty; {s} has no backlog; {s} has worked off its queue | the queue of {s} is piling up; {s} has a growing backlog; {s} is behind with its queue |
logs of {s} are kept; {s} retains its logs; {s} log retention is on | logs of {s} are deleted at once; {s} does not keep its logs; {s} log retention is off |
{s} scaled up; instances were added to {s}; {s} got more replicas | {s} scaled down; instances were removed from {s}; {s} got fewer replicas | {s} will be scaled up before {d}
the rate limit of {s} is enforced; {s} throttles clients; {s} rejects clients that call too often | the rate limit of {s} is not enforced; {s} throttles nobody; {s} lets clients call as often as they like | {s} will get a rate limit
{s} is deprecated; {s} is no longer maintained; {s} is being retired | {s} is actively maintained; {s} is still supported; {s} is not deprecated | it is under discussion to retire {s}
the vulnerability in {s} is fixed; {s} has been patched; the security hole of {s} is closed | the vulnerability in {s} is still open; {s} has not been patched; {s} remains vulnerable | a patch for {s} is expected on {d}
{s} depends on {x}; {s} needs {x}; without {x} {s} does not start | {s} does not depend on {x}; {s} works without {x}; {s} starts even when {x} is gone |
requests to {s} are logged; {s} logs every request; {s} writes an access log | requests to {s} are not logged; {s} writes no access log; {s} logs nothing |
{s} failed over to {r}; traffic of {s} moved to {r}; {s} is now served from {r} | {s} did not fail over to {r}; traffic of {s} stayed where it was; fail-over of {s} to {r} did not work | a fail-over test of {s} to {r} is planned for {d}
the SLO of {s} was met; {s} stayed within its error budget; {s} reached its availability target | the SLO of {s} was missed; {s} exhausted its error budget; {s} fell short of its availability target | the SLO of {s} is to be raised
"""

BEFORE = [
    "",
    "",
    "",
    "According to the incident report, ",
    "2025-03-{n} INFO ",
    "[ops] ",
    "Post-mortem: ",
    "We found that ",
    "- ",
    "Status page: ",
    "As of {d}, ",
    "The dashboard shows that ",
    "note: ",
]
STUDY_BEFORE = [
    "",
    "",
    "",
    "Our results show that ",
    "A review concluded that ",
    "In this cohort, ",
    "We found that ",
    "Conclusion: ",
    "According to the report, ",
    "In {n} trials, ",
    "Background: little was known. Here we report that ",
]
STUDY_AFTER = [
    "",
    "",
    "",
    " (p < 0.05)",
    " in a sample of {n}",
    ", the authors said",
    ". More work is needed",
    " after {n} weeks",
    ". The sample was small",
    ", compared with a control group",
]
AFTER = [
    "",
    "",
    "",
    " (ticket OPS-{n})",
    " since {d}",
    ". Other services were looked at separately",
    ". See the runbook for details",
    ", the {t} reported",
    ". The {t} was told",
]


class Maker:
    """The pairs of one set of predicates."""

    def __init__(self, predicates: str, before: list[str], after: list[str], subjects: str) -> None:
        self.random = random.Random(SEED)
        self.before, self.after, self.subjects = before, after, subjects
        self.predicates = [
            [[text.strip() for text in side.split(";") if text.strip()] for side in line.split("|")]
            for line in predicates.strip().splitlines()
        ]

    def slots(self) -> dict[str, str]:
        choose = self.random.choice
        return {
            "s": choose(SERVICES) + choose(SUFFIXES),
            "x": choose(THINGS),
            "r": choose(REGIONS),
            "f": choose(FLAGS),
            "t": choose(TEAMS),
            "d": choose(DAYS),
            "n": str(self.random.randint(10, 28)),
            "c": choose(CAUSES),
            "o": choose(OUTCOMES),
            "p": choose(PEOPLE),
        }

    def claim(self, text: str, slots: dict[str, str]) -> str:
        text = text.format(**slots)
        article = "The " if text.startswith(slots["s"]) and " " in slots["s"] else ""
        text = article + text
        return text[0].upper() + text[1:] + self.random.choice([".", ".", ""])

    def passage(self, text: str, slots: dict[str, str]) -> str:
        said = slots | {"d": self.random.choice(DAYS), "t": self.random.choice(TEAMS)}
        before, after = self.random.choice(self.before), self.random.choice(self.after)
        whole = before.format(**said) + text.format(**slots) + after.format(**said)
        return whole[0].upper() + whole[1:] + self.random.choice([".", ""])

    def pairs(self) -> Iterator[tuple[int, str, str, int]]:
        choose = self.random.choice
        for _ in range(CLAIMS):
            index = self.random.randrange(len(self.predicates))
            predicate = self.predicates[index]
            slots, side = self.slots(), self.random.randrange(2)
            text = choose(predicate[side])
            claim = self.claim(text, slots)
            same = [other for other in predicate[side] if other != text]
            yield index, claim, self.passage(choose(same), slots), 0
            yield index, claim, self.passage(choose(predicate[1 - side]), slots), 1
            yield index, claim, self.passage(*self.beside(index, predicate, slots)), 2

    def beside(
        self, index: int, predicate: list[list[str]], slots: dict[str, str]
    ) -> tuple[str, dict[str, str]]:
        """A text that says nothing of a claim with these slots."""
        choose = self.random.choice
        kind = self.random.random()
        if kind < 0.3 and len(predicate) > 2 and predicate[2]:
            return choose(predicate[2]), slots
        text = choose(predicate[self.random.randrange(2)])
        swapped = next(slot for slot in self.subjects if "{" + slot + "}" in text)
        if kind < 0.6 or swapped != "s":
            other = self.slots()[swapped]
            while re.split("[- ]", other)[0] == re.split("[- ]", slots[swapped])[0]:
                other = self.slots()[swapped]
            return text, slots | {swapped: other}
        away = (index + self.random.randrange(3, len(self.predicates) - 3)) % len(self.predicates)
        return choose(self.predicates[away][self.random.randrange(2)]), slots


def main() -> None:
    sets = {
        "operations": Maker(OPERATIONS, BEFORE, AFTER, "s"),
        "findings": Maker(FINDINGS, STUDY_BEFORE, STUDY_AFTER, "co"),
    }
    for name, maker in sets.items():
        for group, claim, passage, label in maker.pairs():
            pair = {"set": name, "group": str(group), "claim": claim, "passage": passage, "label": label}
            print(json.dumps(pair, ensure_ascii=False))


if __name__ == "__main__":
    main()
