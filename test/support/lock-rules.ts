/**
 * What must hold of the files that say which packages are installed: exact versions, a hash for each, no host
 * named, and nothing that is there for this machine and missing for another. Each check returns what is
 * wrong, one line a thing.
 */

type Dependencies = Readonly<Record<string, string>>

/** A package.json, as far as these checks read it. */
export type Manifest = {
  readonly dependencies?: Dependencies
  readonly devDependencies?: Dependencies
  readonly optionalDependencies?: Dependencies
  /** Versions that others' wishes give way to; a package's own stand under its name. */
  readonly overrides?: Readonly<Record<string, string | Dependencies>>
}

/** A package of package-lock.json, as far as these checks read it. */
export type LockedPackage = {
  readonly version?: string
  readonly integrity?: string
  readonly resolved?: string
  readonly link?: boolean
  readonly dependencies?: Dependencies
  readonly optionalDependencies?: Dependencies
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
}

/** The packages of package-lock.json by their path. */
export type LockedPackages = Readonly<Record<string, LockedPackage>>

/** Fields of JSON whose addresses are read by people: they install nothing. */
const addressesForPeople = ['funding', 'homepage', 'repository', 'bugs', 'author', 'deprecated', '$schema']

/** Versions that leave a choice. Peers are the host's to choose and may be ranges. */
export function looseVersions(manifest: Manifest) {
  const { dependencies, devDependencies, optionalDependencies } = manifest
  const all = { ...dependencies, ...devDependencies, ...optionalDependencies }
  return [...Object.entries(all), ...overridesOf(manifest)].flatMap(([name, version]) =>
    /^(?:npm:[\w@/.-]+@)?\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version)
      ? []
      : [`${name} is not pinned: ${version}`],
  )
}

const overridesOf = ({ overrides = {} }: Manifest): (readonly [string, string])[] =>
  Object.entries(overrides).flatMap(([name, version]) =>
    typeof version === 'string' ? [[name, version] as const] : Object.entries(version),
  )

/** Addresses in a JSON file that are not there for people alone. */
export function addressesIn(value: unknown, path = ''): string[] {
  if (typeof value === 'string') return /https?:|git\+|ssh:/.test(value) ? [`${path}: ${value}`] : []
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) =>
    addressesForPeople.includes(key) ? [] : addressesIn(inner, path === '' ? key : `${path} > ${key}`),
  )
}

/** Lines of a plain settings or requirements file that name a host or an index. Comments count. */
export function hostsIn(text: string): string[] {
  const named =
    /https?:|git\+|(?:^|[\s@/])registry\s*=|--(?:extra-)?index-url|--find-links|(?:^|\s)-[if]\s|index[-_]url/
  return text.split('\n').filter(line => named.test(line))
}

/** Packages of the lock that could be replaced by others unnoticed. Our own folders have nothing to check. */
export function unverified(packages: LockedPackages): string[] {
  return Object.entries(packages).flatMap(([path, { integrity, link }]) =>
    link === true || !path.includes('node_modules/') || /^sha512-[\w+/]{86}==$/.test(integrity ?? '')
      ? []
      : [`${path} has no SHA-512`],
  )
}

/**
 * Packages that another package of the lock asks for and that the lock lacks. npm leaves out binaries for other
 * platforms that it could not see when it wrote the lock; `npm ci` then fails, here and there.
 */
export function missingPackages(packages: LockedPackages, manifest: Manifest = {}): string[] {
  const replaced = new Set(overridesOf(manifest).map(([name]) => name))
  return Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.entries({ ...dependencies, ...optionalDependencies }).flatMap(([name, wanted]) => {
      const found = resolve(packages, path, name)
      if (found === undefined) return [`${path} asks for ${name} ${wanted}, which is not in the lock`]
      const exact = /^\d+\.\d+\.\d+$/.test(wanted) && !replaced.has(name)
      return exact && found.version !== wanted
        ? [`${path} asks for ${name} ${wanted}, the lock has ${found.version}`]
        : []
    }),
  )
}

/** As Node looks for it: beside, then outward. */
function resolve(packages: LockedPackages, from: string, name: string): LockedPackage | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    const found = packages[`${folder === '' ? '' : `${folder}/`}node_modules/${name}`]
    if (found !== undefined || folder === '') return found
    if (!folder.includes('node_modules/')) folder = ''
  }
}

/** Machines that a package with a binary for each must have one for. */
const machines = [
  { os: 'linux', cpu: 'x64' },
  { os: 'linux', cpu: 'arm64' },
  { os: 'darwin', cpu: 'arm64' },
]

/** Machines for which none of the binaries that `name` lists is in the lock. */
export function machinesWithout(packages: LockedPackages, name: string): string[] {
  const path = `node_modules/${name}`
  const binaries = Object.keys(packages[path]?.optionalDependencies ?? {}).map(
    binary => resolve(packages, path, binary) ?? {},
  )
  return machines
    .filter(({ os, cpu }) => !binaries.some(binary => binary.os?.includes(os) && binary.cpu?.includes(cpu)))
    .map(({ os, cpu }) => `${name} has no binary for ${os} ${cpu}`)
}

/** A line of a Python lock: the package, the machines that it is for, and what its files may hash to. */
export type PythonRequirement = {
  readonly name: string
  readonly version: string | undefined
  readonly marker: string
  readonly hashes: readonly string[]
}

/** The requirements of a Python lock, in order. */
export function pythonRequirements(text: string): PythonRequirement[] {
  const lines = text.replaceAll('\\\n', ' ').split('\n')
  return lines
    .filter(line => line.trim() !== '' && !line.startsWith('#'))
    .map(line => {
      const [head = ''] = line.split(' --hash')
      const [what = '', marker = ''] = head.split(';')
      const [, name = what.trim(), version] = /^\s*([\w.-]+)==([\w.]+)\s*$/.exec(what) ?? []
      const hashes = [...line.matchAll(/--hash=sha256:([0-9a-f]{64})(?=\s|$)/g)].map(([, hash = '']) => hash)
      return { name, version, marker: marker.trim(), hashes }
    })
}

/** Processors that a requirement for some must name, as Python calls them on Linux and macOS. */
const processors = ['x86_64', 'aarch64', 'arm64']

/** What a marker of a universal lock leaves a requirement for; undefined for one that some machine would miss. */
function reachOf(marker: string): 'all' | 'linux' | 'darwin' | 'none' | undefined {
  const { 1: platform } = /^sys_platform == '(linux|darwin|win32)'$/.exec(marker) ?? []
  if (platform !== undefined) return platform === 'win32' ? 'none' : (platform as 'linux' | 'darwin')
  if (/\bsys_platform == 'emscripten'$/.test(marker)) return 'none'
  if (marker === '' || marker === "sys_platform != 'emscripten'") return 'all'
  // Two lines for one package, the older Python's and the newer's: see halvesOf.
  if (/^python_full_version (<|>=) '3\.\d+'$/.test(marker)) return 'all'
  const named = [...marker.matchAll(/(?:^| or )platform_machine == '(\w+)'/g)]
  const whole = named.map(([part]) => part).join('') === marker
  return whole && processors.every(each => named.some(([, name]) => name === each)) ? 'all' : undefined
}

/** Packages that are locked for older or for newer Pythons alone. */
function halvesOf(requirements: readonly PythonRequirement[]): string[] {
  const halves = requirements.flatMap(({ name, marker }) => {
    const { 1: sign, 2: version } = /^python_full_version (<|>=) '([\d.]+)'$/.exec(marker) ?? []
    return sign === undefined ? [] : [{ name, sign, version }]
  })
  return halves
    .filter(
      ({ name, sign, version }) =>
        !halves.some(other => other.name === name && other.sign !== sign && other.version === version),
    )
    .map(({ name, sign, version }) => `${name} is locked for Python ${sign} ${version} alone`)
}

/**
 * Requirements that are loose, without a hash, or not for all of Linux (both processors) and macOS.
 * `compiled` names those with one file a platform: each platform needs a hash of its own; `spared` those that some
 * machines do without.
 */
export function unfitRequirements(
  text: string,
  compiled: readonly string[],
  spared: readonly string[] = [],
): string[] {
  const requirements = pythonRequirements(text).filter(({ name }) => !spared.includes(name))
  const unfit = requirements.flatMap(({ name, version, marker, hashes }) => {
    const reach = reachOf(marker)
    const files = reach === 'linux' ? 2 : reach === 'all' && compiled.includes(name) ? 3 : 1
    return [
      version === undefined ? `${name} is not pinned` : [],
      reach === undefined ? `${name} is not for every machine: ${marker}` : [],
      hashes.length < files ? `${name} has ${hashes.length} hashes, needs ${files}` : [],
    ].flat()
  })
  return [...unfit, ...halvesOf(requirements)]
}

/** Packages that two locks have in different versions, so that they could not be installed together. */
export function disagreements(locks: Readonly<Record<string, string>>): string[] {
  const seen = new Map<string, { path: string; versions: string }>()
  return Object.entries(locks).flatMap(([path, text]) => {
    const versions = new Map<string, Set<string>>()
    for (const { name, version = '' } of pythonRequirements(text)) {
      versions.set(name, (versions.get(name) ?? new Set()).add(version))
    }
    return [...versions].flatMap(([name, own]) => {
      const told = [...own].sort().join(', ')
      const first = seen.get(name)
      if (first === undefined) seen.set(name, { path, versions: told })
      return first === undefined || first.versions === told
        ? []
        : [`${name} is ${first.versions} in ${first.path} and ${told} in ${path}`]
    })
  })
}
