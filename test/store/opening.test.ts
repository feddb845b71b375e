/** What is opened, what is refused and left as it was, and that all of it is said in words that help. */
import { randomUUID } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { migrate, migrations } from '../../src/store/schema.ts'
import { openStore } from '../../src/store/store.ts'
import { turns } from '../support/condition.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { start } from './child-process.ts'
import { sampleInstance, sampleTrace, valueIn, withFile } from './samples.ts'

const folder = temporaryFolder()
const freshPath = () => join(folder.path, randomUUID(), 'store.db')

/** A path with a file that holds `content`. */
function pathWith(content: string | Uint8Array): string {
  const path = freshPath()
  mkdirSync(dirname(path))
  writeFileSync(path, content)
  return path
}

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

describe('openStore()', () => {
  test('makes folders and files for their owner alone', async () => {
    const path = freshPath()
    await using store = await openStore(path)
    await store.instances.save(sampleInstance('i', 0))
    expect(modeOf(dirname(path))).toBe('700')
    expect([path, `${path}-wal`, `${path}-shm`].map(modeOf)).toEqual(['600', '600', '600'])
  })

  test('leaves the modes of what is there already', async () => {
    const path = pathWith('')
    chmodSync(path, 0o640)
    chmodSync(dirname(path), 0o750)
    await (await openStore(path)).close()
    expect([path, dirname(path)].map(modeOf)).toEqual(['640', '750'])
  })

  test('makes the first version of an empty file, and leaves no log behind when it is closed', async () => {
    const path = pathWith('')
    await (await openStore(path)).close()
    expect(valueIn(path, 'PRAGMA user_version')).toBe(1)
    expect(statSync(`${path}-wal`, { throwIfNoEntry: false })).toBeUndefined()
  })

  test('refuses a file of a newer version, and leaves it as it is', async () => {
    const path = freshPath()
    await (await openStore(path)).close()
    withFile(path, sqlite => sqlite.exec('PRAGMA user_version = 7'))
    const before = readFileSync(path)
    const opening = openStore(path)
    await expect(opening).rejects.toMatchObject({ name: 'StoreError', code: 'ER_STORE', retryable: false })
    await expect(opening).rejects.toThrow(/newer evidence-runner \(form 7, this one knows 1\); update/)
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  test.each([
    ['tables', 'CREATE TABLE songs (title TEXT)'],
    ['a version', 'PRAGMA user_version = 1'],
    ['a name', 'PRAGMA application_id = 77'],
  ])('refuses another program’s database with %s, and leaves it as it is', async (_, sql) => {
    const path = pathWith('')
    withFile(path, sqlite => sqlite.exec(sql))
    const before = readFileSync(path)
    await expect(openStore(path)).rejects.toThrow('is a database of another program')
    expect(readFileSync(path).equals(before)).toBe(true)
  })

  test('refuses what is no database', async () => {
    const path = pathWith('These are my notes, not a database. '.repeat(50))
    await expect(openStore(path)).rejects.toMatchObject({
      code: 'ER_STORE',
      retryable: false,
      message: expect.stringContaining('is damaged or no store; move it away'),
      detail: 'file is not a database',
    })
  })

  test('refuses a store that lacks a table', async () => {
    const path = freshPath()
    await (await openStore(path)).close()
    withFile(path, sqlite => sqlite.exec('DROP TABLE instances'))
    await expect(openStore(path)).rejects.toThrow('is damaged or no store')
  })

  test.each([
    ['a folder', () => dirname(pathWith(''))],
    ['a path through a file', () => join(pathWith(''), 'store.db')],
    // Where no folder can be made, and mkdir says that the one above is missing although it is there.
    ['a path below /proc', () => '/proc/nowhere/store.db'],
  ])('refuses %s', async (_, path) => {
    await expect(openStore(path())).rejects.toMatchObject({
      name: 'StoreError',
      message: expect.stringMatching(/^The store .* can't be read or written; see that its folder is there/),
    })
  })

  test('refuses a file that may only be read', async () => {
    const path = freshPath()
    await (await openStore(path)).close()
    chmodSync(path, 0o444)
    chmodSync(dirname(path), 0o777)
    asOrdinaryUser()
    await expect(openStore(path)).rejects.toMatchObject({
      name: 'StoreError',
      message: expect.stringContaining('may not be written; give this user the right'),
    })
  })

  test('refuses to make a file where that is not allowed', async () => {
    const path = pathWith('')
    chmodSync(dirname(path), 0o555)
    asOrdinaryUser()
    await expect(openStore(join(dirname(path), 'other.db'))).rejects.toThrow('may not be written')
  })

  test('waits for a file that is locked, or gives up and says that it may be tried again', async () => {
    const path = pathWith('')
    const other = new DatabaseSync(path)
    onTestFinished(() => other.close())
    other.exec('BEGIN EXCLUSIVE')
    await expect(openStore(path, { busyTimeoutMs: 0 })).rejects.toMatchObject({
      name: 'StoreError',
      retryable: true,
      message: expect.stringContaining('is locked by another process'),
    })
    const opening = openStore(path, { busyTimeoutMs: 60_000 })
    await turns()
    other.exec('ROLLBACK')
    await (await opening).close()
  })

  test('opens a file again and again in one process', async () => {
    const path = freshPath()
    const stores = await Promise.all([1, 2, 3].map(() => openStore(path)))
    for (const [index, store] of stores.entries()) {
      store.traces.write(sampleTrace(`${index}`))
      await store.close()
    }
    expect(valueIn(path, 'SELECT count(*) FROM traces')).toBe(3)
  })

  test('is what loads SQLite: importing the package does not', async () => {
    const { code, stdout } = await start('importing-process.ts', []).outcome
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'false\n' })
  })

  test('loads SQLite only then, and hides no warning but that about SQLite', async () => {
    const { outcome } = start('opening-process.ts', [freshPath(), 'warn'])
    const { code, stdout, stderr } = await outcome
    expect(JSON.parse(stdout)).toMatchObject({ loadedBefore: false, loadedAfter: true })
    expect(stderr).toContain('Something else is an experimental feature')
    expect(stderr).not.toContain('SQLite')
    expect(code).toBe(0)
  })

  test('lets the process end, and holds nothing once it is closed', async () => {
    const run = (mode: string) => start('opening-process.ts', [freshPath(), mode]).outcome
    const [left, ...closed] = await Promise.all(['leave', 'close', 'large'].map(run))
    expect(left).toMatchObject({ code: 0, stderr: '' })
    for (const { code, stderr, stdout } of closed) {
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      const { before, after } = JSON.parse(stdout)
      expect(after).toEqual(before)
    }
  })
})

describe('migrate()', () => {
  const memory = () => {
    const sqlite = new DatabaseSync(':memory:')
    onTestFinished(() => sqlite.close())
    return sqlite
  }
  const versionOf = (sqlite: DatabaseSync) => sqlite.prepare('PRAGMA user_version').get()?.['user_version']
  const steps = [
    'CREATE TABLE a (x)',
    'ALTER TABLE a ADD COLUMN y; INSERT INTO a VALUES (1, 2)',
    'CREATE TABLE b (x)',
  ]

  test('takes a file step by step from where it is to the last version', () => {
    const sqlite = memory()
    migrate(sqlite, steps.slice(0, 1))
    expect(versionOf(sqlite)).toBe(1)
    migrate(sqlite, steps)
    expect(versionOf(sqlite)).toBe(3)
    expect(sqlite.prepare('SELECT x, y FROM a').all()).toEqual([{ x: 1, y: 2 }])
    migrate(sqlite, steps)
    expect(versionOf(sqlite)).toBe(3)
  })

  test('leaves the version before a step that fails, and nothing of that step', () => {
    const sqlite = memory()
    const broken = [
      ...steps.slice(0, 1),
      'CREATE TABLE b (x); INSERT INTO nowhere VALUES (1)',
      ...steps.slice(2),
    ]
    expect(() => migrate(sqlite, broken)).toThrow('no such table: nowhere')
    expect(versionOf(sqlite)).toBe(1)
    expect(sqlite.prepare("SELECT name FROM sqlite_schema WHERE name = 'b'").get()).toBeUndefined()
    expect(sqlite.isTransaction).toBe(false)
  })

  test('ends at the version that openStore() makes', () => {
    const sqlite = memory()
    migrate(sqlite)
    expect(versionOf(sqlite)).toBe(migrations.length)
  })
})

/** Root may write anything; for the rest of the test this process is somebody else. */
function asOrdinaryUser(): void {
  if (process.getuid?.() !== 0) return
  chmodSync(folder.path, 0o755)
  process.seteuid?.(65534)
  onTestFinished(() => void process.seteuid?.(0))
}
