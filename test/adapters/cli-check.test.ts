/**
 * `evidence-runner check` as a real process with the real model: the ways to say what to check, both kinds of
 * output, order, exit codes, and what is wrong with one question standing in its place.
 */
import { readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { jsonLines, runCommandLine, samples } from '../support/command-line.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
const one = ['--pool-size', '1']

const context = (taskId: string, claim: string, content: string) => ({
  taskId,
  claim,
  sources: [{ content }],
})
const bell = '\u0007'
const esc = '\u001b'

describe('check', () => {
  test('checks a claim against files and quotes what it found', async () => {
    const report = await folder.write('report.md', 'The harbour crane failed twice in May.\nIt was mended.\n')
    const log = await folder.write('crane.log', '2026-05-02 crane stopped\n2026-05-09 crane stopped\n')
    const { code, stdout, stderr } = await runCommandLine([
      'check',
      '--claim',
      'The crane failed twice in May.',
      '--source',
      report,
      '--source',
      log,
      ...one,
    ])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/1 {2}supported +0\.\d\d {2}The crane failed twice in May\./)
    expect(stdout).toContain('s1: The harbour crane failed twice in May.')
    expect(stdout).toContain('s2: ')
    expect(stdout).not.toContain(esc)
  })

  test('--json answers a JSON Lines file with one line a context, in its order, whatever is wrong with some', async () => {
    const file = await folder.write(
      'mixed.jsonl',
      [
        JSON.stringify(context('a', 'The pump is off.', 'The pump was switched off at noon.')),
        '{"taskId": "broken", ',
        '',
        JSON.stringify(context('b', '', 'text')),
        JSON.stringify({ taskId: 'c', claim: 'x', sources: [] }),
        JSON.stringify({ ...context('d', 'x', 'y'), wrong: 1 }),
        '42',
        JSON.stringify(context('e', 'The pump is on.', 'The pump was switched off at noon.')),
      ].join('\n'),
    )
    const { code, stdout } = await runCommandLine(['check', '--jsonl', file, '--json', ...one])
    const answers = jsonLines(stdout) as {
      taskId?: string
      line?: number
      error?: { code: string; message: string }
    }[]
    expect(answers.map(({ taskId, line, error }) => [taskId, line, error?.code])).toEqual([
      ['a', undefined, undefined],
      [undefined, 2, 'ER_INPUT'],
      ['b', 4, 'ER_INPUT'],
      ['c', 5, 'ER_INPUT'],
      ['d', 6, 'ER_INPUT'],
      [undefined, 7, 'ER_INPUT'],
      ['e', undefined, undefined],
    ])
    expect(answers[1]?.error?.message).toContain('is not JSON')
    expect(answers[2]?.error?.message).toContain('Claim is required')
    expect(answers[3]?.error?.message).toContain('At least one evidence source is required')
    expect(answers[4]?.error?.message).toContain('wrong')
    expect(code).toBe(2)
  })

  test('reads JSON Lines from standard input, with a byte order mark and CRLF line ends', async () => {
    const lines = [context('a', 'The pump is off.', 'Off.'), context('b', 'It is on.', 'On.')]
    const input = `\ufeff${lines.map(line => JSON.stringify(line)).join('\r\n')}\r\n`
    const { code, stdout } = await runCommandLine(['check', '--jsonl', '-', '--json', ...one], { input })
    expect(jsonLines(stdout).map(({ taskId }) => taskId)).toEqual(['a', 'b'])
    expect(code).toBe(0)
  })

  test('takes U+2028 and U+2029 inside a JSON line for what they are, not for the end of it', async () => {
    const input = `${JSON.stringify(context('a', 'The gate is open.', 'The gate\u2028is\u2029open.'))}\n`
    expect(input).toContain('\u2028')
    const { code, stdout } = await runCommandLine(['check', '--jsonl', '-', '--json', ...one], { input })
    expect(jsonLines(stdout).map(({ taskId, error }) => [taskId, error])).toEqual([['a', undefined]])
    expect(code).toBe(0)
  })

  test('checks a JSON file with one context, and one with a list', async () => {
    const single = await folder.write('one.json', JSON.stringify(context('single', 'It rains.', 'Rain.')))
    const list = await folder.write(
      'list.json',
      JSON.stringify([context('first', 'It rains.', 'Rain.'), context('second', 'It snows.', 'Snow.')]),
    )
    const [alone, several] = await Promise.all([
      runCommandLine(['check', single, '--json', ...one]),
      runCommandLine(['check', list, '--json', ...one]),
    ])
    expect(jsonLines(alone.stdout).map(({ taskId }) => taskId)).toEqual(['single'])
    expect(jsonLines(several.stdout).map(({ taskId }) => taskId)).toEqual(['first', 'second'])
  })

  test('reads a JSON file that begins with a byte order mark', async () => {
    const file = await folder.write(
      'mark.json',
      `\ufeff${JSON.stringify(context('bom', 'It rains.', 'Rain.'))}`,
    )
    const { code, stdout, stderr } = await runCommandLine(['check', file, '--json', ...one])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(jsonLines(stdout).map(({ taskId }) => taskId)).toEqual(['bom'])
  })

  test('a bare - reads one JSON value from standard input', async () => {
    const input = JSON.stringify(context('piped', 'It rains.', 'It rains all day.'))
    const { code, stdout } = await runCommandLine(['check', '-', '--json', ...one], { input })
    expect(jsonLines(stdout).map(({ taskId }) => taskId)).toEqual(['piped'])
    expect(code).toBe(0)
  })

  test('--source - takes standard input for a source', async () => {
    const { code, stdout } = await runCommandLine(
      ['check', '--claim', 'It rains.', '--source', '-', '--json', ...one],
      { input: 'It rains all day.' },
    )
    const [answer] = jsonLines(stdout) as { citations: { text: string }[] }[]
    expect(answer?.citations.map(({ text }) => text)).toEqual(['It rains all day.'])
    expect(code).toBe(0)
  })

  test('checks the samples, the log by its path, and every citation stands verbatim in its source', async () => {
    const { code, stdout } = await runCommandLine([
      'check',
      '--jsonl',
      join(samples, 'claims.jsonl'),
      '--allow-files',
      samples,
      '--json',
    ])
    expect(code).toBe(0)
    type Asked = { taskId: string; sources: { id: string; content?: string; path?: string }[] }
    type Answer = {
      taskId: string
      verdict: string
      confidence: number
      citations: { sourceId: string; start: number; end: number; text: string; score: number }[]
    }
    const asked = jsonLines(readFileSync(join(samples, 'claims.jsonl'), 'utf8')) as unknown as Asked[]
    const answers = jsonLines(stdout) as unknown as Answer[]
    expect(answers.map(({ taskId }) => taskId)).toEqual(asked.map(({ taskId }) => taskId))
    const readme = readFileSync(join(samples, 'README.md'), 'utf8')
    const verdicts: Readonly<Record<string, string>> = {
      supported: 'supported',
      contradicted: 'refuted',
      disputed: 'disputed',
      'not covered': 'not-enough-evidence',
    }
    for (const [index, { citations, confidence, taskId, verdict }] of answers.entries()) {
      expect(citations.length).toBeGreaterThan(0)
      expect(confidence).toBeGreaterThan(0)
      // What it was written for, or an honest not-enough-evidence.
      const [, said = ''] = readme.match(new RegExp(`\\| \`${taskId}\` \\| ([a-z ]+) \\|`)) ?? []
      expect([verdicts[said], 'not-enough-evidence'], taskId).toContain(verdict)
      for (const { sourceId, start, end, text } of citations) {
        const source = asked[index]?.sources.find(({ id }) => id === sourceId)
        const content = source?.content ?? readFileSync(join(samples, source?.path ?? ''), 'utf8')
        expect(content.slice(start, end)).toBe(text)
      }
    }
    // The label in scripts/samples/README.md: the breaker opens at 13:42:24 after 8 timeouts.
    const gateway = answers[0]?.citations.map(({ text }) => text).join('\n')
    expect(gateway).toContain('OPEN upstream=payments-auth after 8 consecutive timeouts')
  })

  test('control characters of a source, a claim and an id never reach the terminal', async () => {
    const evil = `The harbour has one gate and it is made of steel. The gate ${esc}[31mis${esc}]0;owned${bell} open.\u009b2J\u0000 It is \u0008open, and so it will stay until the tide turns.`
    const value = {
      taskId: 't',
      claim: `The gate${esc}[2J is open.`,
      sources: [{ id: `${esc}[1mid`, content: evil }],
    }
    const { stdout, stderr } = await runCommandLine(['check', '-', ...one], { input: JSON.stringify(value) })
    expect(stdout).toContain('open')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(`${stdout}${stderr}`).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
  })

  test('control characters in the words of an error never reach the terminal', async () => {
    const value = {
      taskId: `${esc}[31mred`,
      claim: '',
      sources: [{ content: 'x' }],
      [`${esc}[2Jkey`]: 1,
    }
    const { code, stdout, stderr } = await runCommandLine(['check', '-', ...one], {
      input: JSON.stringify(value),
    })
    expect(code).toBe(2)
    expect(`${stdout}${stderr}`).not.toContain(esc)
  })

  test('NO_COLOR and a pipe both keep colours out', async () => {
    const input = JSON.stringify(context('a', 'It rains.', 'It rains all day.'))
    const { stdout } = await runCommandLine(['check', '-', ...one], { input, environment: { NO_COLOR: '1' } })
    expect(stdout).not.toContain(esc)
  })
})

describe('check refuses', () => {
  const refusals: readonly [what: string, words: readonly string[], message: RegExp][] = [
    ['a file that is not there', ['check', 'missing.json'], /missing\.json.*no such file/],
    [
      'a source that is not there',
      ['check', '--claim', 'x', '--source', 'gone.txt'],
      /gone\.txt.*no such file/,
    ],
    ['a folder as source', ['check', '--claim', 'x', '--source', samples], /it is a folder/],
    ['JSON Lines that are not there', ['check', '--jsonl', 'gone.jsonl'], /gone\.jsonl.*no such file/],
    ['a claim without a source', ['check', '--claim', 'x'], /--source FILE/],
    ['no words at all', ['check'], /evidence-runner help check/],
    ['an option that does not exist', ['check', '--clam', 'x'], /--clam.*evidence-runner help check/s],
    [
      'a pool size that is no number',
      ['check', '--claim', 'x', '--source', 'package.json', '--pool-size', 'two'],
      /--pool-size.*"two"/,
    ],
    [
      'a pool size out of range',
      ['check', '--claim', 'x', '--source', 'package.json', '--pool-size', '65'],
      /poolSize/,
    ],
    [
      'a fallback that does not exist',
      ['check', '--claim', 'x', '--source', 'package.json', '--fallback', 'none'],
      /fallback.*lexical/,
    ],
    ['a file that is not JSON', ['check', 'README.md'], /README\.md is not JSON/],
  ]
  test.each(refusals)('%s, with exit code 2 and what to do', async (_what, words, message) => {
    const { code, stdout, stderr } = await runCommandLine(words)
    expect(code).toBe(2)
    expect(stderr).toMatch(message)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    expect(stdout).not.toMatch(/supported|refuted|not-enough/)
  })

  test('words that it would otherwise pass over in silence', async () => {
    const file = await folder.write('extra.json', JSON.stringify(context('a', 'It rains.', 'Rain.')))
    const runs = await Promise.all([
      runCommandLine(['check', file, file, ...one]),
      runCommandLine(['check', file, '--source', file, ...one]),
    ])
    expect(runs.map(({ code }) => code)).toEqual([2, 2])
  })
})

describe('check --allow-files', () => {
  const byPath = (taskId: string, path: string) =>
    JSON.stringify({ taskId, claim: 'The lamp is lit.', sources: [{ path }] })

  test('reads files inside the folder and refuses every way out of it', async () => {
    await folder.write('allowed/lamp.txt', 'The lamp was lit at dusk.')
    await folder.write('allowed/deeper/lamp.txt', 'The lamp was lit at dawn.')
    const secret = await folder.write('secret.txt', 'The lamp is a secret.')
    symlinkSync(secret, join(folder.path, 'allowed', 'link.txt'))
    symlinkSync(folder.path, join(folder.path, 'allowed', 'up'))
    symlinkSync(join(folder.path, 'allowed', 'lamp.txt'), join(folder.path, 'allowed', 'good-link.txt'))
    const input = [
      byPath('inside', 'lamp.txt'),
      byPath('deeper', 'deeper/../deeper/lamp.txt'),
      byPath('link-inside', 'good-link.txt'),
      byPath('absolute-inside', join(folder.path, 'allowed', 'lamp.txt')),
      byPath('dots', '../secret.txt'),
      byPath('absolute', secret),
      byPath('link', 'link.txt'),
      byPath('linked-folder', 'up/secret.txt'),
      byPath('folder-itself', '.'),
      byPath('missing', 'nothing.txt'),
    ].join('\n')
    const { code, stdout } = await runCommandLine(
      ['check', '--jsonl', '-', '--allow-files', join(folder.path, 'allowed'), '--json', ...one],
      { input },
    )
    const answers = jsonLines(stdout) as { error?: { code: string; message: string } }[]
    expect(answers.slice(0, 4).map(({ error }) => error)).toEqual(new Array(4).fill(undefined))
    expect(answers.slice(4).map(({ error }) => error?.code)).toEqual(new Array(6).fill('ER_INPUT'))
    for (const { error } of answers.slice(4, 8)) expect(error?.message).toContain('lies outside')
    expect(stdout).not.toContain('is a secret')
    expect(code).toBe(2)
  })

  test('is needed before any path is read, and says so', async () => {
    const file = await folder.write('lamp.txt', 'The lamp was lit.')
    const { code, stdout } = await runCommandLine(['check', '--jsonl', '-', '--json', ...one], {
      input: byPath('a', file),
    })
    expect(stdout).toContain('--allow-files DIR')
    expect(stdout).not.toContain('was lit')
    expect(code).toBe(2)
  })

  test('a path that is refused stands in its place in a JSON list, and the rest is answered', async () => {
    const list = await folder.write(
      'paths.json',
      JSON.stringify([
        { taskId: 'no', claim: 'x y', sources: [{ path: '/etc/hostname' }] },
        context('yes', 'It rains.', 'It rains all day.'),
      ]),
    )
    const { code, stdout } = await runCommandLine(['check', list, '--json', ...one])
    const answers = jsonLines(stdout) as { taskId?: string; error?: unknown }[]
    expect(answers.map(({ taskId, error }) => [taskId, error === undefined])).toEqual([
      ['no', false],
      ['yes', true],
    ])
    expect(code).toBe(2)
  })
})
