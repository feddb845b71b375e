/** What README.md and the pages of docs/ promise that can be checked: code blocks, commands, paths, tables. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The README and all pages, one after the other. */
export const documentation = (repository: string): string =>
  ['README.md', ...globSync('docs/*.md', { cwd: repository }).sort()]
    .map(path => readFileSync(join(repository, path), 'utf8'))
    .join('\n')

/** A fenced block; `language` is the word after the fence. */
export type CodeBlock = { readonly language: string; readonly text: string }

/** The fenced blocks, in order. */
export function codeBlocks(readme: string): CodeBlock[] {
  return [...readme.matchAll(/^```(\S*)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({
    language,
    text,
  }))
}

/** A TypeScript block, and the text block right after it, if one is: what the example prints. */
export type Example = { readonly code: string; readonly printed: string | undefined }

/** Every TypeScript block with what it prints, in order. */
export function examplesOf(readme: string): Example[] {
  const blocks = codeBlocks(readme)
  return blocks.flatMap(({ language, text }, at) => {
    const next = blocks[at + 1]
    return language === 'ts'
      ? [{ code: text, printed: next?.language === 'text' ? next.text : undefined }]
      : []
  })
}

/** Scripts of package.json that are named as commands: `npm run lint`, `npm -s run cli`, `npm test`. */
export function scriptsNamed(readme: string): string[] {
  const runs = [...readme.matchAll(/\bnpm(?:\s+-[\w-]+)*\s+run(?:\s+-[\w-]+)*\s+([\w:-]+)/g)].map(
    found => found[1],
  )
  const short = [...readme.matchAll(/\bnpm\s+(?:-[\w-]+\s+)*(test|start|stop|restart)\b/g)].map(
    found => found[1],
  )
  return [...new Set([...runs, ...short])].filter(name => name !== undefined).sort()
}

const tops = ['docs', 'src', 'python', 'workers', 'bench', 'test', 'scripts', '.ci']
const rootFiles = /^(?:package(?:-lock)?\.json|tsconfig\.json|LICENSE|README\.md|\.npmrc|\.gitignore)$/

/** Paths of this repository in backticks, a place in a file (`:12`) left off. */
export function pathsNamed(readme: string): string[] {
  const outside = readme.replace(/^```.*?^```$/gms, '')
  const words = [...outside.matchAll(/`([^`\n]+)`/g)].map(([, word = '']) => word.replace(/:\d+$/, ''))
  const paths = words.filter(
    word => /^[\w./-]+$/.test(word) && (rootFiles.test(word) || tops.some(top => word.startsWith(`${top}/`))),
  )
  return [...new Set(paths)].sort()
}

/** Those of the paths that do not exist under `folder`. */
export const missingPaths = (paths: readonly string[], folder: string): string[] =>
  paths.filter(path => !existsSync(join(folder, path)))

/** Printed text for a loose comparison: numbers are only numbers, spaces at the ends of lines are nothing. */
export function outline(printed: string): string[] {
  return printed
    .trim()
    .split('\n')
    .map(line => line.trimEnd().replace(/(?<![\w.])\d+(?:\.\d+)*/g, '#'))
}
