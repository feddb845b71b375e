/**
 * The command line's words: which commands there are, which options each takes, and what help says of them.
 * Parses; does nothing.
 */
import { parseArgs } from 'node:util'
import { InputError } from '../core/errors.ts'

type Option = {
  readonly type: 'string' | 'boolean'
  readonly multiple?: boolean
  /** What stands for the value in the help. */
  readonly value?: string
  readonly help: string
}

type Command = {
  readonly usage: string
  readonly help: string
  readonly options: Readonly<Record<string, Option>>
}

const json: Option = { type: 'boolean', help: 'JSON on stdout, for machines' }
const workers: Readonly<Record<string, Option>> = {
  'pool-size': { type: 'string', value: 'N', help: 'Python processes (default: auto)' },
  model: { type: 'string', value: 'DIR', help: 'folder of another encoder (BERT family)' },
  verifier: { type: 'string', value: 'DIR', help: 'folder of a classifier or reranker that judges passages' },
  generator: {
    type: 'string',
    value: 'NAME',
    help: 'language model that writes analyses: a folder, or a hub id that `prepare` has brought',
  },
  judge: {
    type: 'string',
    value: 'WHO',
    help: 'auto, or generator: what the language model takes to be likely (default: auto)',
  },
  python: { type: 'string', value: 'FILE', help: 'a Python that has the packages already' },
}
const timeLimit: Option = { type: 'string', value: 'MS', help: 'time allowed for each (default: 30000)' }
const running: Readonly<Record<string, Option>> = {
  ...workers,
  'timeout-ms': timeLimit,
  concurrency: { type: 'string', value: 'N', help: 'how many at once (default: 8)' },
  unordered: { type: 'boolean', help: 'give answers as they come, not in the order of the input' },
}

const tracing: Readonly<Record<string, Option>> = {
  store: {
    type: 'string',
    value: 'FILE',
    help: 'where traces are kept (default: store.db in the home folder)',
  },
  'no-store': { type: 'boolean', help: 'keep no trace' },
}

/** Of every command that checks claims. */
const keeping: Readonly<Record<string, Option>> = {
  ...tracing,
  'keep-inputs': {
    type: 'boolean',
    help: 'keep claims and sources, too, so that a trace can be replayed',
  },
  'vector-store': {
    type: 'string',
    value: 'DIR',
    help: 'a LanceDB folder: its collections can be sources; what is read is kept there, as text',
  },
  'vector-read-only': {
    type: 'boolean',
    help: 'keep nothing in DIR; another process may be writing to it',
  },
}

/** Every command, with its options and what help says of it. */
export const commands = {
  check: {
    usage:
      'check --claim TEXT --source FILE… | check --claim TEXT --collection NAME | check FILE.json | check --jsonl FILE | check -',
    help: 'checks claims against their sources',
    options: {
      claim: { type: 'string', value: 'TEXT', help: 'the claim' },
      source: {
        type: 'string',
        multiple: true,
        value: 'FILE',
        help: 'a source; give it once for each, - for standard input',
      },
      collection: {
        type: 'string',
        multiple: true,
        value: 'NAME',
        help: 'a collection of --vector-store as a source',
      },
      jsonl: { type: 'string', value: 'FILE', help: 'one context a line, - for standard input' },
      'allow-files': {
        type: 'string',
        value: 'DIR',
        help: 'contexts may name files under DIR by `path` instead of bringing `content`',
      },
      threshold: {
        type: 'string',
        value: 'P',
        help: 'how likely a verdict must be to be given, 0 to 1 (default: 0.75)',
      },
      calibration: {
        type: 'string',
        value: 'FILE',
        help: 'what `calibrate` wrote for your domain, or none (default: that of the model)',
      },
      'max-passages': {
        type: 'string',
        value: 'N',
        help: 'passages a claim that are embedded (default: 64)',
      },
      stream: { type: 'boolean', help: 'show analyses as the language model writes them' },
      temperature: {
        type: 'string',
        value: 'T',
        help: 'of what the language model writes, 0 to 2 (default: 0.3)',
      },
      'max-tokens': {
        type: 'string',
        value: 'N',
        help: 'tokens of an analysis that the language model writes (default: 512)',
      },
      fallback: {
        type: 'string',
        value: 'KIND',
        help: 'lexical: words alone where no worker can be had; error: never (default: lexical once started)',
      },
      reproducible: { type: 'boolean', help: 'bytes repeat whatever else runs; slower' },
      'budget-tokens': { type: 'string', value: 'N', help: 'tokens that each claim may use' },
      'budget-calls': { type: 'string', value: 'N', help: 'dispatches to a model that each claim may use' },
      'budget-usd': { type: 'string', value: 'X', help: 'money that each claim may use' },
      strategy: {
        type: 'string',
        value: 'NAME',
        help: 'how a plan is chosen: latency, cost, balanced, capital-efficiency, adaptive',
      },
      explain: { type: 'boolean', help: 'show the plan and why it was chosen, and check nothing' },
      ...keeping,
      ...running,
      json,
    },
  },
  calibrate: {
    usage: 'calibrate FILE.jsonl [--out FILE]',
    help: 'fits confidence to labelled claims of your own domain',
    options: {
      out: { type: 'string', value: 'FILE', help: 'where it is written (default: calibration.json)' },
      force: { type: 'boolean', help: 'replace a file that is there' },
      'max-passages': {
        type: 'string',
        value: 'N',
        help: 'passages a claim that are embedded (default: 64)',
      },
      ...running,
      json,
    },
  },
  embed: {
    usage: 'embed TEXT… | embed --jsonl FILE',
    help: 'vectors of texts',
    options: {
      jsonl: { type: 'string', value: 'FILE', help: 'one {"id", "text"} a line, - for standard input' },
      ...running,
      json,
    },
  },
  serve: {
    usage: 'serve mcp [--http] | serve a2a',
    help: 'opens a door to MCP hosts or A2A agents',
    options: {
      http: { type: 'boolean', help: 'MCP over HTTP (default: standard input and output)' },
      host: { type: 'string', value: 'HOST', help: 'where to listen (default: 127.0.0.1)' },
      port: { type: 'string', value: 'N', help: 'the port; 0 for any free one' },
      'token-file': {
        type: 'string',
        value: 'FILE',
        help: 'what callers must send; needed beyond this machine (or EVIDENCE_RUNNER_TOKEN)',
      },
      'allow-files': { type: 'string', value: 'DIR', help: 'sources may name files under DIR (MCP)' },
      concurrency: { type: 'string', value: 'N', help: 'tasks at work at once (A2A)' },
      ...keeping,
      'timeout-ms': timeLimit,
      ...workers,
    },
  },
  consume: {
    usage: 'consume --redis URL',
    help: 'takes claims from a queue on Redis',
    options: {
      redis: { type: 'string', value: 'URL', help: 'redis://HOST:PORT (or REDIS_URL)' },
      queue: { type: 'string', value: 'NAME', help: 'name of the queue (default: claims)' },
      concurrency: { type: 'string', value: 'N', help: 'jobs at work at once (default: 8)' },
      ...keeping,
      'timeout-ms': timeLimit,
      ...workers,
    },
  },
  trace: {
    usage: 'trace list | trace show|verify|replay TRACE | trace diff TRACE TRACE',
    help: 'shows, verifies, replays and compares what was recorded',
    options: { ...tracing, ...workers, json },
  },
  collection: {
    usage:
      'collection list | collection add NAME FILE… | collection add NAME --jsonl FILE | collection remove NAME [ID…]',
    help: 'stores documents to check claims against, with their vectors',
    options: {
      'vector-store': { type: 'string', value: 'DIR', help: 'the LanceDB folder; add makes it' },
      jsonl: {
        type: 'string',
        value: 'FILE',
        help: 'one {"id", "text", "title", "metadata"} a line, - for standard input; id and text are needed',
      },
      'pool-size': workers['pool-size'] as Option,
      model: workers['model'] as Option,
      python: workers['python'] as Option,
      json,
    },
  },
  doctor: {
    usage: 'doctor [--generator NAME]',
    help: 'examines the installation and names the command that mends each fault',
    options: {
      generator: workers['generator'] as Option,
      model: workers['model'] as Option,
      verifier: workers['verifier'] as Option,
      python: workers['python'] as Option,
      json,
    },
  },
  prepare: {
    usage: 'prepare NAME…',
    help: 'brings models from the hub and pins them, or checks folders; afterwards all works offline',
    options: { python: workers['python'] as Option, json },
  },
  stats: {
    usage: 'stats',
    help: 'starts the workers, runs a short probe and shows what they say of themselves',
    options: { ...workers, json },
  },
  setup: {
    usage: 'setup [--generator]',
    help: 'makes the Python environment',
    options: {
      generator: { type: 'boolean', help: 'with what language models need, about 280 MB more' },
      python: { type: 'string', value: 'FILE', help: 'the Python ≥ 3.11 to make it with' },
      json,
    },
  },
} as const satisfies Readonly<Record<string, Command>>

/** The name of a command. */
export type CommandName = keyof typeof commands

/** A parsed command line: the command, its plain words, and its options by name. */
export type Arguments = {
  readonly command: CommandName | 'help' | 'version'
  readonly words: readonly string[]
  readonly values: Readonly<Record<string, string | boolean | readonly string[] | undefined>>
}

/** @throws InputError ER_INPUT that says what was not understood and where to look. */
export function parseArguments(argv: readonly string[]): Arguments {
  const [first = 'help', ...rest] = argv
  if (first === '--version' || first === '-v') return { command: 'version', words: [], values: {} }
  if (first === 'help' || first === '--help' || first === '-h')
    return { command: 'help', words: rest, values: {} }
  if (!Object.hasOwn(commands, first)) {
    throw new InputError(
      'ER_INPUT',
      `There is no command ${JSON.stringify(first)}; there are ${Object.keys(commands).join(', ')}`,
    )
  }
  const command = first as CommandName
  if (rest.includes('--help') || rest.includes('-h')) return { command: 'help', words: [command], values: {} }
  const options = Object.fromEntries(
    Object.entries(commands[command].options).map(([name, { type, ...option }]) => [
      name,
      { type, multiple: 'multiple' in option && option.multiple === true },
    ]),
  )
  try {
    const { values, positionals } = parseArgs({ args: rest, options, allowPositionals: true, strict: true })
    return { command, words: positionals, values: values as Arguments['values'] }
  } catch (error) {
    throw new InputError('ER_INPUT', `${(error as Error).message}; see: evidence-runner help ${command}`)
  }
}

/** Help on one command, or on all. */
export function helpText(command?: string): string {
  const known =
    command !== undefined && Object.hasOwn(commands, command) ? commands[command as CommandName] : undefined
  if (known === undefined) {
    const rows = Object.entries(commands).map(([name, { help }]) => `  ${name.padEnd(10)} ${help}`)
    return [
      'evidence-runner: checks claims against evidence on this machine',
      '',
      'Usage: evidence-runner COMMAND [OPTIONS]',
      '',
      ...rows,
      '',
      'evidence-runner help COMMAND tells more. EVIDENCE_RUNNER_HOME moves the folder that setup writes to.',
      'Exit codes: 0 done, 1 a trace differs, 2 bad request, 3 budget or deadline, 4 overloaded, 5 worker, 6 model, 7 store, 130 interrupted.',
    ].join('\n')
  }
  const rows = Object.entries<Option>(known.options).map(([name, { value, help }]) => {
    const option = `--${name}${value === undefined ? '' : ` ${value}`}`
    return `  ${option.padEnd(20)} ${help}`
  })
  return [`${known.help}`, '', `Usage: evidence-runner ${known.usage}`, '', ...rows].join('\n')
}

/** The value of a text option; undefined where it was not given. */
export function text(given: Arguments, name: string): string | undefined {
  const value = given.values[name]
  return typeof value === 'string' ? value : undefined
}

/** The value of an option that takes a whole number. @throws InputError ER_INPUT for anything else. */
export function whole(given: Arguments, name: string, least = 1): number | undefined {
  const value = text(given, name)
  if (value === undefined) return undefined
  if (!/^\d+$/.test(value) || Number(value) < least)
    throw new InputError(
      'ER_INPUT',
      `--${name} takes a whole number from ${least}, not ${JSON.stringify(value)}`,
    )
  return Number(value)
}

/** The value of an option that takes a number such as 0.05. @throws InputError ER_INPUT for anything else. */
export function amount(given: Arguments, name: string): number | undefined {
  const value = text(given, name)
  if (value === undefined) return undefined
  if (!/^\d+(\.\d+)?$/.test(value))
    throw new InputError('ER_INPUT', `--${name} takes an amount such as 0.05, not ${JSON.stringify(value)}`)
  return Number(value)
}
