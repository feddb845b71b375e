#!/usr/bin/env node
/**
 * The command line: reads words, files and environment variables, calls the library, prints, and ends with
 * the exit code that the error table gives. Everything it does can be done with the exported names.
 */
import { existsSync } from 'node:fs'
import { errorRecord, errorRules, InputError } from '../core/errors.ts'
import type { EvidenceEnhancerConfig } from '../evidence/config.ts'
import { overMany } from '../evidence/many.ts'
import type { TextListener } from '../evidence/narration.ts'
import type { ManyOutcome } from '../evidence/outcome.ts'
import type { EnhanceOptions, EvidenceContext } from '../evidence/request.ts'
import { EvidenceEnhancer, openStore, refuseOldNode, version } from '../runner.ts'
import { examine } from '../setup/doctor.ts'
import { createEnvironment, homeFolder } from '../setup/environment.ts'
import { hubCacheOf } from '../setup/hub.ts'
import { prepareModel } from '../setup/prepare.ts'
import { type Arguments, amount, helpText, parseArguments, text, whole } from './arguments.ts'
import { answerCalibrate, parseCalibrateWords } from './calibrate.ts'
import { answerCollection, parseCollectionWords } from './collection.ts'
import { type JsonLine, readJsonLines } from './input.ts'
import { keepingOf, openPassages, tracesFile } from './keeping.ts'
import type { LanceStore } from './lancedb.ts'
import { examineModels } from './model-facts.ts'
import { answerPrepare, parsePrepareWords } from './prepare.ts'
import { contextsOf, type Question } from './questions.ts'
import { consumeQueue, parseServeWords, serve } from './serve.ts'
import { enhancerConfig, judgingOf, strategyOf } from './settings.ts'
import { shownOn, writtenBy } from './streaming.ts'
import { clean, Terminal } from './terminal.ts'
import { embedLine, sample, wordsAsLines } from './text-lines.ts'
import { answerTrace, parseTraceWords } from './trace.ts'

const interruptedExit = 130

/** Tokens of an analysis that nobody reads. */
const calibrationTokens = 16

const terminal = new Terminal()
const interrupt = new AbortController()

const home = () => ({
  home: process.env['EVIDENCE_RUNNER_HOME'] || undefined,
  cacheFolder: process.env['XDG_CACHE_HOME'] || undefined,
})

async function main(argv: readonly string[]): Promise<number> {
  refuseOldNode()
  const given = parseArguments(argv)
  switch (given.command) {
    case 'help':
      terminal.line(helpText(given.words[0]))
      return 0
    case 'version':
      terminal.line(version)
      return 0
    case 'check':
      return check(given)
    case 'calibrate':
      return calibrate(given)
    case 'embed':
      return embed(given)
    case 'trace':
      return trace(given)
    case 'collection':
      return collection(given)
    case 'doctor':
      return doctor(given)
    case 'prepare':
      return prepare(given)
    case 'stats':
      return stats(given)
    case 'setup':
      return setup(given)
    case 'serve':
      return serveDoor(given)
    case 'consume':
      return consumeClaims(given)
  }
}

async function check(given: Arguments): Promise<number> {
  const asJson = given.values['json'] === true
  const { contexts, total } = await contextsOf(given)
  const judging = { ...strategyOf(given), ...(await judgingOf(given)) }
  await using passages = await openPassages(given)
  await using enhancer = await openKeeping(given, passages, judging)
  if (given.values['explain'] === true) return await explain(enhancer, contexts, given)
  if (!asJson) terminal.heading()
  let done = 0
  let worst = 0
  const work = (question: Question) => answer(enhancer, question, given)
  // Texts of several at once would run into each other on a screen; as lines of JSON they have their names.
  const concurrency = given.values['stream'] === true && !asJson ? 1 : 8
  for await (const outcome of overMany(contexts, work, manyOptions(given, concurrency))) {
    done += 1
    if ('error' in outcome) worst ||= errorRules[outcome.error.code].exit
    if (asJson) await writeLine(outcome)
    else terminal.evidence(outcome, done, given.values['stream'] !== true)
    terminal.progress(`claims checked`, done, total)
  }
  terminal.progress('')
  return worst
}

/** The plan of each context, and why it was chosen. */
async function explain(
  enhancer: EvidenceEnhancer,
  contexts: Iterable<Question> | AsyncIterable<Question>,
  given: Arguments,
): Promise<number> {
  for await (const { line, context, error } of contexts) {
    if (error !== undefined) throw error
    const plan = await enhancer.explain(context as EvidenceContext, checkOptions(given))
    if (given.values['json'] === true) await writeLine({ line, plan })
    else terminal.line(plan)
  }
  return 0
}

async function answer(
  enhancer: EvidenceEnhancer,
  { line, context, error: fault }: Question,
  given: Arguments,
): Promise<ManyOutcome> {
  try {
    if (fault !== undefined) throw fault
    return await enhancer.enhanceEvidence(context as EvidenceContext, checkOptions(given))
  } catch (error) {
    interrupt.signal.throwIfAborted()
    const taskId = (context as { taskId?: unknown } | null)?.taskId
    return { ...(typeof taskId === 'string' ? { taskId } : {}), line, error: errorRecord(error) }
  }
}

function checkOptions(given: Arguments): EnhanceOptions {
  const budget = {
    tokens: whole(given, 'budget-tokens', 0),
    calls: whole(given, 'budget-calls', 0),
    usd: amount(given, 'budget-usd'),
  }
  const limited = Object.values(budget).some(limit => limit !== undefined)
  return {
    signal: interrupt.signal,
    reproducible: given.values['reproducible'] === true,
    ...(given.values['stream'] === true ? { onText: textListener(given) } : {}),
    ...(limited ? { budget } : {}),
  }
}

const textListener = (given: Arguments): TextListener =>
  given.values['json'] === true ? writtenBy(value => writeLine(value).catch(() => {})) : shownOn(terminal)

async function trace(given: Arguments): Promise<number> {
  const request = parseTraceWords(given.words)
  const path = tracesFile(given, homeFolder(home()))
  // A store that is only looked at is not made.
  const readable = path !== undefined && (text(given, 'store') !== undefined || existsSync(path))
  await using store = readable ? await openStore(path) : undefined
  const { data, exit, lines } = await answerTrace(request, store, async stored => {
    await using enhancer = await openEnhancer(given)
    return await enhancer.replay(stored, { signal: interrupt.signal })
  })
  if (given.values['json'] === true) await writeLine(data)
  else for (const line of lines) terminal.line(line.replace(/\S.*/, clean))
  return exit
}

async function collection(given: Arguments): Promise<number> {
  const { data, faults, lines } = await answerCollection(parseCollectionWords(given), {
    enhancerOver: vectorStore => openEnhancer(given, { vectorStore }),
    signal: interrupt.signal,
    onProgress: documents => terminal.progress('documents stored', documents),
  })
  terminal.progress('')
  for (const fault of faults) terminal.problem(fault)
  if (given.values['json'] === true) await writeLine(data)
  else for (const line of lines) terminal.line(clean(line))
  return faults[0] === undefined ? 0 : errorRules[faults[0].code].exit
}

async function calibrate(given: Arguments): Promise<number> {
  const file = parseCalibrateWords(given.words)
  const request = { file, out: text(given, 'out'), force: given.values['force'] === true }
  // Chances are what there is to learn from; the analysis beside them may be short.
  const most = text(given, 'generator') === undefined ? {} : { maxTokens: calibrationTokens }
  await using enhancer = await openEnhancer(given, { calibration: 'none', fallback: 'error', ...most })
  const { data, lines } = await answerCalibrate(request, {
    enhanceMany: contexts => enhancer.enhanceMany(contexts, manyOptions(given, 8)),
    model: () => enhancer.judging(),
    onProgress: (done, total) => terminal.progress('claims checked', done, total),
  })
  terminal.progress('')
  if (given.values['json'] === true) await writeLine(data)
  else for (const line of lines) terminal.line(line.replace(/\S.*/, clean))
  return 0
}

async function embed(given: Arguments): Promise<number> {
  const asJson = given.values['json'] === true
  const file = text(given, 'jsonl')
  if ((file === undefined) === (given.words.length === 0)) {
    throw new InputError('ER_INPUT', 'Give texts, or --jsonl FILE; see: evidence-runner help embed')
  }
  await using enhancer = await openEnhancer(given)
  const lines = file === undefined ? wordsAsLines(given.words) : readJsonLines(file)
  let worst = 0
  let done = 0
  const work = (line: JsonLine) => embedLine(enhancer, line, interrupt.signal)
  // A call a line: the pool makes batches of them, and a slow source is answered as it goes.
  for await (const answered of overMany(lines, work, manyOptions(given, 64))) {
    done += 1
    if ('error' in answered) worst ||= errorRules[answered.error.code].exit
    if (asJson) await writeLine(answered)
    else if ('error' in answered) terminal.problem(answered.error)
    else
      terminal.line(
        `${clean(String(answered.id))}  ${answered.vector.length} numbers  ${sample(answered.vector)} …`,
      )
    terminal.progress('texts embedded', done)
  }
  terminal.progress('')
  return worst
}

async function doctor(given: Arguments): Promise<number> {
  const generator = text(given, 'generator')
  const python = text(given, 'python')
  const models = { generator, encoder: text(given, 'model'), verifier: text(given, 'verifier') }
  const findings = [
    ...(await examine({
      ...home(),
      python,
      generator: generator !== undefined,
      signal: interrupt.signal,
    })),
    ...(await examineModels(models, { hubCache: hubCacheOf(process.env) })),
  ]
  if (given.values['json'] === true) await writeLine({ ok: findings.every(({ ok }) => ok), findings })
  else for (const { name, ok, detail, mend } of findings) terminal.finding(name, ok, detail, mend)
  return findings.every(({ ok }) => ok) ? 0 : errorRules.ER_WORKER_SPAWN.exit
}

async function prepare(given: Arguments): Promise<number> {
  const python = text(given, 'python')
  const { data, lines } = await answerPrepare(parsePrepareWords(given.words), {
    prepare: (name, onEvent) => prepareModel(name, { ...home(), python, onEvent, signal: interrupt.signal }),
    onNote: line => terminal.note(line),
    onProgress: (label, done, total) => terminal.progress(label, done, total),
  })
  terminal.progress('')
  if (given.values['json'] === true) await writeLine(data)
  else for (const line of lines) terminal.line(line)
  return 0
}

async function stats(given: Arguments): Promise<number> {
  await using enhancer = await openEnhancer(given, { ready: 'all' })
  const probes: number[] = []
  for (let index = 0; index < 20; index += 1) {
    const begin = performance.now()
    await enhancer.embed([`Probe ${index}: the service answered in ${index} ms.`], {
      signal: interrupt.signal,
    })
    probes.push(performance.now() - begin)
  }
  const embedMs = probes.sort((a, b) => a - b)
  const figures = {
    health: await enhancer.health(),
    ...enhancer.stats(),
    probe: { p50Ms: embedMs[9], maxMs: embedMs[19] },
  }
  if (given.values['json'] === true) await writeLine(figures)
  else terminal.line(JSON.stringify(figures, null, 2))
  return 0
}

async function serveDoor(given: Arguments): Promise<number> {
  const door = parseServeWords(given.words)
  await using passages = await openPassages(given)
  await using enhancer = await openKeeping(given, passages)
  await serve(door, given, {
    ...doorParts(enhancer),
    tracesFile: tracesFile(given, homeFolder(home())),
    token: process.env['EVIDENCE_RUNNER_TOKEN'] || undefined,
  })
  return 0
}

async function consumeClaims(given: Arguments): Promise<number> {
  await using passages = await openPassages(given)
  await using enhancer = await openKeeping(given, passages)
  await consumeQueue(given, { ...doorParts(enhancer), redis: process.env['REDIS_URL'] || undefined })
  return 0
}

const onNote = (note: string) => terminal.note(clean(note))

const doorParts = (enhancer: EvidenceEnhancer) => ({ enhancer, signal: interrupt.signal, onNote })

async function setup(given: Arguments): Promise<number> {
  const environment = await createEnvironment({
    ...home(),
    pythonCommand: text(given, 'python'),
    generator: given.values['generator'] === true,
    signal: interrupt.signal,
    onProgress: ({ step, steps, text, elapsedMs }) =>
      terminal.note(
        `[${step}/${steps}] ${text}${elapsedMs === undefined ? '' : ` (${(elapsedMs / 1000).toFixed(1)} s)`}`,
      ),
  })
  if (given.values['json'] === true) await writeLine(environment)
  else terminal.line(`Ready: ${environment.folder}`)
  return 0
}

/** An enhancer that keeps what the options say, passages in a store that is the caller's to close after it. */
const openKeeping = (
  given: Arguments,
  passages: LanceStore | undefined,
  more: EvidenceEnhancerConfig = {},
): Promise<EvidenceEnhancer> =>
  openEnhancer(given, { ...keepingOf(given, homeFolder(home()), passages, onNote), ...more })

async function openEnhancer(given: Arguments, more: EvidenceEnhancerConfig = {}): Promise<EvidenceEnhancer> {
  const config = enhancerConfig(given, more)
  // Who asks for words in place of workers gets them from the start; else what is missing is told at once.
  if (given.values['fallback'] === 'lexical') return new EvidenceEnhancer(config)
  return EvidenceEnhancer.open(config, { signal: interrupt.signal })
}

const manyOptions = (given: Arguments, concurrency: number) => ({
  concurrency: whole(given, 'concurrency') ?? concurrency,
  ordered: given.values['unordered'] !== true,
  signal: interrupt.signal,
})

/** One JSON line on stdout; waits while the reader is slow. */
async function writeLine(value: unknown): Promise<void> {
  if (process.stdout.write(`${JSON.stringify(value)}\n`)) return
  const { signal } = interrupt
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => reject(signal.reason) // a reader that has gone never drains
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    process.stdout.once('drain', () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
  })
}

process.stdout.on('error', error => {
  // The reader has gone (`| head`): there is nobody left to write for.
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') interrupt.abort(error)
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (interrupt.signal.aborted) process.exit(interruptedExit)
    interrupt.abort(new Error(`Interrupted by ${signal}`))
  })
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  terminal.progress('')
  const code = interrupt.signal.aborted ? undefined : errorRecord(error).code
  if (code === undefined) process.exitCode = interruptedExit
  else {
    terminal.problem(errorRecord(error))
    process.exitCode = errorRules[code].exit
  }
} finally {
  // An open standard input would keep the process waiting for lines that nobody will read.
  process.stdin.destroy()
}
