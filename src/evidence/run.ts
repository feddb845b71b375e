/**
 * One request from reading to findings: reads, chooses a plan, checks that it can fit, and executes it. What
 * goes to a worker goes through `execute` and nowhere else.
 */
import { now } from '../core/async.ts'
import type { Call, Dispatch, Reply, RunContext } from '../core/call.ts'
import { enoughRuns } from '../plan/estimate.ts'
import { type ExecuteParts, execute, type PlanEvent } from '../plan/execute.ts'
import { explain } from '../plan/explain.ts'
import type { StrategyName } from '../plan/hints.ts'
import type { Profile, Profiles } from '../plan/ports.ts'
import { preflight } from '../plan/preflight.ts'
import { type Chosen, chooseRecipe, explainChosen, type Wishes } from './choice.ts'
import type { Envelope } from './conclude.ts'
import type { CheckFigures } from './figure-check.ts'
import type { Narration } from './narration.ts'
import type { EnhancerParts } from './parts.ts'
import type { Scored } from './rank.ts'
import { type Reading, readingPlan, type Tabulate } from './reading.ts'
import type { ModelChoice, RecipeSettings } from './recipe.ts'
import type { ParsedContext, Progress } from './request.ts'
import type { Findings, GenerationFigures, StepTiming } from './result.ts'
import { oddTypes } from './sources.ts'
import type { ValidationReport } from './validation/report.ts'
import type { KeptPassages } from './vectors/kept-passages.ts'
import { recallVectors } from './vectors/recalling.ts'
import { notePassages } from './vectors/remembering.ts'

/** Who does the work of a request. */
export type RunParts = {
  readonly dispatch: Dispatch
  readonly tabulate: Tabulate
  readonly figures: CheckFigures
  readonly version: string
  /** How long tokens take here; shared by all requests, so that each learns from those before. */
  readonly pace: Pace
  /** Where measured figures go. */
  readonly profiles?: Profiles | undefined
  /** The strategy for how busy the workers are now. */
  readonly adapted: () => StrategyName
  /** Those of a call's texts that would have to be computed: the others cost nothing. */
  readonly uncached: (call: Call) => readonly string[]
  /** Passages from request to request. */
  readonly kept?: KeptPassages | undefined
  /** Keeps a vector that is known already. */
  readonly prime?: EnhancerParts['prime'] | undefined
}

/** One request, checked, with all that was decided about it. */
export type Job = {
  readonly request: ParsedContext
  readonly choice: ModelChoice
  readonly settings: RecipeSettings
  readonly wishes: Wishes
  /** Who hears the analysis as it is written. */
  readonly narration?: Narration | undefined
  /** Whether a generation whose worker dies is begun anew. */
  readonly restart: boolean
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Sources whose content was retrieved: it is kept already. */
  readonly retrieved?: ReadonlySet<string>
}

/**
 * Findings for one request.
 * @throws InputError when no source can be read; BudgetError and DeadlineError before any work when even the
 * least of the plan does not fit; whatever the dispatch throws, unless the settings allow a lexical answer and
 * the reason is that no worker could do it.
 */
export async function findEvidence(job: Job, context: RunContext, parts: RunParts): Promise<Findings> {
  const notes = new Notes(job.onProgress, parts.pace, job.choice.generator !== undefined)
  const { kept, profiles } = parts
  const within: ExecuteParts = {
    dispatch: notes.over(parts.dispatch),
    onEvent: notes.hear,
    ...(profiles === undefined ? {} : { profiles }),
  }
  const { recipe, reading, checked } = await chosenFor(job, context, parts, within)
  preflight(recipe.plan, { ledger: context.ledger, deadline: context.deadline, now: now() })
  const conclusions = await execute(recipe.plan, recipe.input, context, within)
  const { read = [] } = checked
  const { request, retrieved } = job
  if (kept !== undefined) notePassages(kept, reading, read, { taskId: request.taskId, retrieved })
  return {
    ...conclusions,
    validation: checked.report ?? conclusions.validation,
    metadata: { ...conclusions.metadata, generation: checked.generation ?? null },
    spent: context.ledger.spent,
    timings: notes.timings,
    trace: context.trace.record(),
  }
}

/** What would be done for a request, as text: the plan with its costs, and why it and not another. */
export async function explainEvidence(job: Job, context: RunContext, parts: RunParts): Promise<string> {
  const within: ExecuteParts = { dispatch: parts.dispatch }
  const chosen = await chosenFor(job, context, parts, within)
  return `${explainChosen(chosen)}\n${explain(chosen.recipe.plan)}`
}

/** What a run came to that has times in it: its checks, and what writing took; and what was read, with vectors. */
type Checked = { report?: ValidationReport; generation?: GenerationFigures; read?: readonly Scored[] }

async function chosenFor(
  { request, choice, settings, wishes, narration, restart }: Job,
  context: RunContext,
  parts: RunParts,
  within: ExecuteParts,
): Promise<Chosen & { readonly checked: Checked; readonly reading: Reading }> {
  const { plan, input } = readingPlan(request, parts.tabulate, settings.maxPassages)
  const reading = await execute(plan, input, context, within)
  const checked: Checked = {}
  const onValidated = (report: ValidationReport) => {
    checked.report = report
  }
  const onGenerated = (figures: GenerationFigures) => {
    checked.generation = figures
  }
  const onRead = (read: readonly Scored[]) => {
    checked.read = read
  }
  const envelope = { ...envelopeOf(request, reading, choice, settings, parts.version), onRead, onValidated }
  const { reproducible } = context
  const { adapted, figures, kept, pace, prime, uncached } = parts
  const { tokenMs } = pace
  // Each of a reproducible request's vectors is computed alone, so that it is the same every time.
  if (kept !== undefined && settings.useEmbeddings && choice.failure === undefined && !reproducible)
    await recallVectors(kept, reading, { encoder: choice.encoder, prime, tokenMs, uncached })
  const recipeParts = {
    ...{ reading, choice, settings, reproducible, envelope, figures, uncached, tokenMs },
    ...{ narration, restart, scope: context.caller, onGenerated },
  }
  const chosen = chooseRecipe(recipeParts, context.ledger, context.deadline - now(), wishes, adapted)
  return { ...chosen, checked, reading }
}

function envelopeOf(
  request: ParsedContext,
  reading: Reading,
  { encoder, failure, generator, generatorFailure, judges, prompts }: ModelChoice,
  settings: RecipeSettings,
  version: string,
): Omit<Envelope, 'plan' | 'onRead' | 'onValidated'> {
  return {
    metadata: {
      processor: 'evidence-runner',
      processorVersion: version,
      mlxModel: generator === undefined ? null : `${generator.name}@${generator.revision}`,
      embeddingModel: encoder.name,
      embeddingRevision: encoder.revision,
    },
    warnings: oddTypes(request.sources),
    errors: [...reading.errors, ...[failure, generatorFailure].filter(error => error !== undefined)],
    fallbackUsed: failure !== undefined,
    confidenceBoost: settings.confidenceBoost,
    judges,
    prompts,
    validation: settings.validation,
  }
}

const guessedTokenMs = 0.25

/**
 * How long the model takes for a token: a moving average over the replies of all requests; before the first, what
 * earlier runs were recorded to take; else a guess.
 */
export class Pace {
  readonly #recorded: () => Profile | undefined
  #tokenMs: number | undefined

  constructor(recorded: () => Profile | undefined = () => undefined) {
    this.#recorded = recorded
  }

  /** Milliseconds. */
  get tokenMs(): number {
    if (this.#tokenMs !== undefined) return this.#tokenMs
    const { runs = 0, cost } = this.#recorded() ?? {}
    return runs < enoughRuns || cost === undefined || cost.tokens === 0
      ? guessedTokenMs
      : cost.timeMs / cost.tokens
  }

  note({ usage, timings }: Reply): void {
    if (usage.tokens === 0) return
    const measured = timings.modelMs / usage.tokens
    this.#tokenMs = this.#tokenMs === undefined ? measured : this.#tokenMs + 0.2 * (measured - this.#tokenMs)
  }
}

/** The steps that are told to people, by the plan's names for them. */
const told: Readonly<Record<string, string>> = {
  'evidence.passages': 'passages',
  'evidence.embed': 'embed',
  'evidence.generate': 'generate',
  'evidence.rank': 'rank',
  'evidence.analysis': 'analysis',
  'evidence.validate': 'validate',
}

/** Notes each step's time, and tells who listens. */
class Notes {
  readonly timings: StepTiming[] = []
  readonly #pace: Pace
  readonly #done = new Set<string>()
  readonly #onProgress: ((progress: Progress) => void) | undefined
  readonly #replies = new Map<string, Reply>()
  readonly #total: number

  constructor(onProgress: ((progress: Progress) => void) | undefined, pace: Pace, writes: boolean) {
    this.#onProgress = onProgress
    this.#pace = pace
    this.#total = Object.keys(told).length - (writes ? 0 : 1)
  }

  /** The same dispatch, with an ear to its replies. */
  over(dispatch: Dispatch): Dispatch {
    return async (call, context) => {
      const reply = await dispatch(call, context)
      this.#replies.set(call.variant.op, reply)
      // Of what is read: a written token takes far longer.
      if (call.variant.op !== 'generate') this.#pace.note(reply)
      return reply
    }
  }

  readonly hear = ({ kind, name, status, ms = 0 }: PlanEvent): void => {
    const step = told[name]
    // What a worker could not do took its time, too; words stand in.
    const remote = step === 'embed' || step === 'generate'
    if (kind !== 'end' || step === undefined || (status !== 'ok' && !remote)) return
    const timings = remote ? this.#replies.get(step)?.timings : undefined
    this.timings.push({ step, totalMs: ms, ...timings })
    this.#done.add(step)
    try {
      const heard: unknown = this.#onProgress?.({ step, done: this.#done.size, total: this.#total })
      Promise.resolve(heard).catch(() => {})
    } catch {
      // A listener's fault is its own, now or later.
    }
  }
}
