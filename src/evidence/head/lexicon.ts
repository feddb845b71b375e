/**
 * Words that say how a text stands to what it speaks of: negations, hedges, doubts, directions, opposites. English,
 * as stems (`stemOf` in signs.ts). A word that is not listed only counts as a word.
 */
import { stemOf } from './stem.ts'

const stems = (text: string): ReadonlySet<string> =>
  new Set(
    text
      .split(/\s+/)
      .filter(Boolean)
      .map(word => stemOf(word)),
  )

/** Words of grammar; they choose nothing. */
export const grammar =
  stems(`a an the and or but if then than that this these those there here it its it's he she they
  them his her their we us our you your i me my mine who whom whose which what when where why how of in on at by for
  with from to into onto over under about as is are was were be been being am do does did done doing have has had
  having will would shall should can could may might must so such too very also just only own same some any each
  every all both few more most other another one ones s t d ll m re ve not no nor none neither never up down out off
  again further once during before after above below between because until while through per via within without
  against among upon toward towards around across along since yet still even ever though although however thus hence
  etc said says say according`)

/** They turn a statement round. */
export const negations =
  stems(`no not never none nothing nobody nowhere neither nor without cannot can't don't doesn't
  didn't isn't aren't wasn't weren't won't wouldn't couldn't shouldn't hasn't haven't hadn't n't fail failed fails
  failing lack lacks lacked lacking absence absent deny denied denies denying refuse refused hardly barely unable
  false incorrect untrue instead rather except excluding avoid avoided nt unlikely rarely seldom zero neither`)

/** They say that something is not so, or not known to be so. */
export const doubts =
  stems(`false incorrect untrue myth hoax debunked debunk misleading misinformation wrong contrary
  however unproven unsupported unfounded inconclusive unclear unknown insufficient limited contradict contradicts
  contradicted disputed dispute rejected reject refute refuted refutes disproved disprove ineffective unaffected
  insignificant unlikely despite although nonetheless nevertheless unrelated unsuccessful unsuccessfully negligible
  unchanged against little failed error mistaken rumor rumour conspiracy`)

/** They say that something is so. */
export const assurances = stems(`confirm confirmed confirms prove proved proven proves show showed shows shown
  demonstrate demonstrated demonstrates establish established evidence found find finds indeed significant
  significantly effective effectively success successful successfully true correct support supported supports
  consistent associated verified verify known clearly strongly definitely certainly`)

/** They make a statement weaker. */
export const hedges =
  stems(`may might could possible possibly perhaps potential potentially likely probable probably
  suggest suggests suggested appear appears seem seems indicate indicates hypothesis hypothesize hypothesized
  whether some sometimes generally usually often estimate estimated expected expect assume assumed believed believe
  approximately about around nearly almost mostly partly partially`)

/** They make a statement stronger, so that one exception refutes it. */
export const absolutes =
  stems(`all always every everyone everybody everything only never none nobody nothing any must
  entire entirely completely totally fully exactly first last best worst most least ever sole solely exclusively
  impossible guaranteed cure cures forever`)

/** What is to come or wanted, not what is. */
export const plans =
  stems(`plan planned plans will shall should would target goal intend intended propose proposed
  schedule scheduled upcoming future next soon expected forecast draft roadmap aim aims hope hopes want wants going
  request requested consider considering`)

/** Towards more. */
export const upward =
  stems(`increase increased increases increasing rise rises rose risen rising grow grows grew grown
  growth growing higher high highest more greater greatest larger bigger raise raised raises up upward gain gained
  improve improved improves improvement enhance enhanced elevate elevated expand expanded accelerate accelerated
  boost boosted worsen worsened exceed exceeded exceeds above over faster longer stronger better double doubled
  climbed climb surge surged jump jumped spike spiked promote promotes upregulated heighten heightened add added
  extend extended strengthen strengthened maximum maximise maximize multiply escalate`)

/** Towards less. */
export const downward =
  stems(`decrease decreased decreases decreasing fall falls fell fallen falling drop drops dropped
  dropping decline declined declines declining lower low lowest less fewer smaller smallest reduce reduced reduces
  reduction reducing down downward lose lost loss shrink shrank shrunk diminish diminished weaken weakened inhibit
  inhibits inhibited inhibition suppress suppressed suppresses prevent prevents prevented prevention protect protects
  protected protective mitigate mitigated alleviate attenuate attenuated below under slower shorter weaker halve
  halved cut cuts minimum minimise minimize downregulated impair impaired deficiency deplete depleted remove removed
  limit limited restrict restricted subside worse deteriorate slow slowed`)

/** Pairs of opposites; what stands on one side of a bar against what stands on the other. */
const pairs = `start begin began launch commence open opened opening | stop end ended finish finished halt close closed closing shut
  enable enabled on active activated allow allowed permit permitted | disable disabled off inactive deactivated forbid forbidden deny denied block blocked ban banned prohibit prohibited
  succeed succeeded success successful pass passed passing | fail failed failure unsuccessful
  win won winner victory victorious | lose lost loser loss defeat defeated
  alive live living survive survived survivor | dead die died death kill killed
  increase rise grow gain up raise higher more greater | decrease fall shrink drop decline down lower less fewer
  large big huge tall high long wide | small little tiny short low narrow
  hot warm heat | cold cool chill frozen
  fast quick rapid early | slow late delayed
  old older elderly | young younger new newer
  good better best positive beneficial benefit helpful safe | bad worse worst negative harmful harm damage dangerous unsafe
  true right correct accurate | false wrong incorrect inaccurate
  first initial beginning | last final
  before prior earlier previous preceding | after later following subsequent
  inside indoor internal within in | outside outdoor external
  above over top upper | below under beneath bottom beneath
  buy bought purchase | sell sold sale
  give gave send sent | take took receive received
  love like enjoy happy joy glad pleased smile laugh | hate dislike sad unhappy angry upset cry frown
  man men male boy father son husband brother king he | woman women female girl mother daughter wife sister queen
  awake | asleep sleep sleeping
  sit sitting seated | stand standing run running walk walking
  empty vacant | full crowded
  rich wealthy expensive | poor cheap inexpensive
  strong strengthen | weak weaken
  prevent protect reduce inhibit treat cure heal | cause induce trigger promote worsen
  include included including contain with | exclude excluded excluding lack without
  accept accepted agree agreed approve approved | reject rejected refuse refused disagree oppose opposed
  support supported favor favour | oppose opposed against contradict
  same identical equal similar | different distinct unequal other
  many much most | few little least
  always | never
  all every both | none no neither
  everyone everybody | nobody noone
  public | private
  present exist existing | absent missing
  healthy well | sick ill unhealthy diseased
  import | export
  north northern | south southern
  east eastern | west western
  day daytime morning | night evening nighttime
  summer | winter
  black dark | white light bright
  wet rain rainy | dry dried
  friend ally | enemy foe
  easy simple | hard difficult complex
  major main primary | minor secondary
  increase add added create created | delete deleted remove removed destroy destroyed
  connect connected online reachable available running up healthy | disconnect disconnected offline unreachable unavailable stopped down crashed
  encrypted | plaintext unencrypted
  single only alone one | multiple several together many
  married | single unmarried divorced bachelor
  arrive enter entered join joined | leave left depart exit exited quit
  push pushed | pull pulled
  natural | artificial synthetic
  known famous popular | unknown obscure unpopular
  remember | forget forgot
  necessary required mandatory | unnecessary optional voluntary
  common frequent often | rare infrequent seldom rarely
  likely probable | unlikely improbable
  possible able | impossible unable
  significant effective | insignificant ineffective negligible
  acute | chronic
  asymptomatic | symptomatic
  positive | negative
  export read | write
  allow grant granted | revoke revoked deny denied
  upgrade upgraded | downgrade downgraded
  synchronous sync | asynchronous async
  primary | replica standby
  manual manually | automatic automatically automated
  temporary | permanent
  guilty convicted | innocent acquitted
  employ hire hired | fire fired dismiss dismissed unemployed resign resigned`

/** The sides that a stem stands on: `2n` is the left of pair n and `2n + 1` its right. */
export const opposites: ReadonlyMap<string, readonly number[]> = sidesOf(pairs)

function sidesOf(text: string): Map<string, number[]> {
  const sides = new Map<string, number[]>()
  for (const [pair, line] of text.split('\n').entries()) {
    for (const [side, half] of line.split('|').entries()) {
      for (const stem of stems(half)) {
        const known = sides.get(stem)
        if (known === undefined) sides.set(stem, [pair * 2 + side])
        else if (!known.includes(pair * 2 + side)) known.push(pair * 2 + side)
      }
    }
  }
  return sides
}

/** Written numbers that a text may hold instead of digits. */
export const writtenNumbers: ReadonlyMap<string, string> = new Map(
  `zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
  eighteen nineteen twenty`
    .split(/\s+/)
    .map((word, value) => [word, String(value)]),
)
