/**
 * Text that speaks to a model rather than of something: orders to forget its instructions, a new role, a
 * verdict to give, its prompt to be told. Found to be reported; nothing here acts on what it reads.
 *
 * Orders are told from reports by who stands before them: "Ignore all previous instructions" is one, "it will
 * ignore all previous instructions" is not.
 */
import { type Found, matchAt, patternRule, type Rule } from './rule.ts'

/** Up to `most` words, without an end of sentence between them. */
const words = (most: number): string => `(?:[^\\s.,;:!?]{1,20}\\s{1,4}){0,${most}}`

/** Text that is meant only where it is an order, and text that can't be meant otherwise. */
const order = (what: string, anchors: readonly string[], pattern: string): Rule => ({
  ...patternRule('instruction', what, anchors, new RegExp(pattern, 'iy'), isOrder),
  whole: true,
})

const speech = (what: string, anchors: readonly string[], pattern: string): Rule => ({
  ...patternRule('instruction', what, anchors, new RegExp(pattern, 'iy')),
  whole: true,
})

/** The words that a pattern `(?:one|another)` begins with, each with the space after it. */
const eachOf = (alternatives: string): string[] =>
  alternatives
    .slice('(?:'.length, -1)
    .split('|')
    .map(word => `${word} `)

/** Verbs that end what was said before. */
const drop =
  "(?:ignore|disregard|forget|override|bypass|neglect|(?:do not|don['’]t|never|stop) (?:follow(?:ing)?|obey(?:ing)?)|pay no attention to)"
const dropAnchors = [
  ...['ignore ', 'disregard ', 'forget ', 'override ', 'bypass ', 'neglect ', 'pay no attention to '],
  ...['do not follow ', 'do not obey ', "don't follow ", "don't obey ", 'never follow ', 'stop following '],
]
const said = '(?:instructions?|prompts?|directives?|directions|guidelines?|programming|system message)'
const earlier =
  '(?:previous|previously|prior|above|earlier|preceding|foregoing|original|initial|system|developer|your)'

/** The rules for text that gives orders. */
export function injectionRules(): Rule[] {
  return [...forgetting(), encoded(), ...foreign(), ...persona(), ...prompt(), ...addressed(), ...steering()]
}

function forgetting(): Rule[] {
  const what = 'an order to ignore instructions'
  return [
    order(what, dropAnchors, `${drop}\\s{1,4}${words(4)}${earlier}\\s{1,4}${words(2)}${said}\\b`),
    order(
      what,
      dropAnchors,
      `${drop}\\s{1,4}(?:(?:all|any|the|of|these|those|other|every)\\s{1,4}){1,3}${said}\\b`,
    ),
    order(
      what,
      dropAnchors,
      `${drop}\\s{1,4}(?:all\\s)?(?:of\\s)?your\\s{1,4}${words(2)}(?:rules|restrictions|training|policies|filters)\\b`,
    ),
    order(
      what,
      dropAnchors,
      `${drop}\\s{1,4}(?:everything|anything|all|whatever)\\s{1,4}(?:(?:that|which|i|was|is|has|been|came|you|were|have|written|said|told|stated)\\s{1,4}){0,5}` +
        `(?:above|before(?: this)?|previously|told|so far)(?=\\s{0,3}(?:[.,;:!"'”’)\\n]|and\\b|$))`,
    ),
  ]
}

/** The same order in base 64, where it begins with its verb. */
function encoded(): Rule {
  const begins = ['Ignore ', 'ignore ', 'IGNORE ', 'Disregard ', 'disregard ']
  // The last digit also holds bits of what follows.
  const anchors = begins.map(begin => btoa(begin).replace(/.?=*$/, '').toLowerCase())
  return {
    kind: 'hidden',
    what: 'an order in base 64',
    anchors: [...new Set(anchors)],
    whole: true,
    find: (text, at) => {
      const code = matchAt(/[A-Za-z0-9+/]{24,400}={0,2}/y, text, at)
      if (code === undefined) return undefined
      const plain = Buffer.from(text.slice(at, code.end), 'base64').toString('latin1')
      return /^(?:ignore|disregard)\s[\x20-\x7e]{0,60}\b(?:instructions?|prompts?|rules)\b/i.test(plain)
        ? code
        : undefined
    },
  }
}

/** The same order in other languages that are written with Latin letters. */
function foreign(): Rule[] {
  const what = 'an order to ignore instructions'
  return [
    order(
      what,
      ['ignorier', 'vergiss ', 'missachte '],
      `(?:ignoriere?n?(?: sie)?|ignoriert|vergiss|missachte)\\s{1,4}${words(3)}(?:vorherigen?|bisherigen?|vorigen?|obigen?|fr(?:ü|ue)heren?|deine|ihre|alle)\\s{1,4}${words(2)}(?:anweisungen|instruktionen|befehle|vorgaben)`,
    ),
    order(
      what,
      ['ignore ', 'ignorez ', 'ignorer ', 'oublie'],
      `(?:ignore[zr]?|oublie[zr]?)\\s{1,4}${words(3)}(?:instructions|consignes|directives)\\s{1,4}(?:pr(?:é|e)c(?:é|e)dentes?|ant(?:é|e)rieures?|ci-dessus|initiales)`,
    ),
    order(
      what,
      ['ignora ', 'ignore ', 'olvida ', 'esque', 'dimentica '],
      `(?:ignor[ae]|olvida|esque(?:ce|ça)|dimentica)\\s{1,4}${words(3)}(?:instrucciones|instru(?:ç|c)(?:õ|o)es|indicaciones|istruzioni)\\s{1,4}(?:anteriores?|previas?|pr(?:é|e)vias?|precedenti)`,
    ),
  ]
}

const model =
  '(?:a\\.?i\\.?|assistant|chatbot|language model|llm|gpt|dan|jailbroken|unrestricted|unfiltered|uncensored)'

function persona(): Rule[] {
  const what = 'a new role for a model'
  return [
    speech(
      what,
      ['you are now ', 'you are no longer ', 'you are going to act ', 'you are dan '],
      `you are(?: now| no longer| going to act as|(?= dan\\b))\\s{1,4}(?:an?\\s|the\\s|in\\s)?${words(3)}${model}(?![\\w-])(?! (?:manager|professor|director|editor|coach))`,
    ),
    speech(
      what,
      ['from now on'],
      `from now on,?\\s{1,4}(?:you (?:will|must|are to|shall|should|can)|always|only|never)\\s{1,4}${words(2)}(?:answer|respond|reply|output|say|act|behave|ignore|speak|pretend|refuse|obey)\\b`,
    ),
    order(
      what,
      ['act as ', 'behave as ', 'roleplay as ', 'pretend '],
      `(?:act as|behave as|roleplay as|pretend (?:that )?(?:you are|you['’]re|to be))\\s{1,4}(?:an?\\s)?${words(3)}(?:a\\.?i\\.?|llm|chatbot|language model|dan|jailbroken|unrestricted|uncensored)(?![\\w-])`,
    ),
    speech(what, ['do anything now'], 'do anything now\\b'),
  ]
}

function prompt(): Rule[] {
  const show = '(?:reveal|show|print|repeat|output|display|leak|disclose|expose|dump|tell|send|give)'
  return [
    order(
      'an order to tell a prompt',
      eachOf(show),
      `${show}\\s{1,4}${words(5)}(?:system prompts?|your\\s{1,4}${words(3)}(?:instructions|prompts?|system message|guidelines))\\b`,
    ),
    order(
      'an order to tell a prompt',
      eachOf(show),
      `${show}\\s{1,4}(?:me\\s|back\\s|out\\s){0,2}(?:everything|all|the) ${words(3)}(?:above this line|before this (?:line|message)|(?:from|since) the (?:beginning|start) of (?:this|the|our) (?:conversation|chat))\\b`,
    ),
    speech(
      'the frame of a prompt',
      ['system prompt'],
      `system prompt["'”’]?\\s{0,2}(?::|=(?!=))\\s{0,4}["'“]?[a-z]`,
    ),
    speech(
      'the frame of a prompt',
      ['begin ', 'start ', 'end '],
      `(?:begin|start|end)\\s(?:of\\s)?(?:the\\s)?(?:system|hidden|secret|admin|developer|user)\\s(?:prompts?|instructions?)\\b`,
    ),
    speech(
      'the frame of a prompt',
      ['new ', 'updated ', 'real ', 'actual ', 'secret ', 'hidden '],
      `(?:new|updated|real|actual|secret|hidden)\\s(?:system\\s)?instructions?\\s(?:for|to)\\s(?:you|the (?:ai|assistant|llm|model|language model))\\b`,
    ),
  ]
}

const readers =
  '(?:a\\.?i\\.?|llms?|large language models?|language models?|chatbots?)(?:\\s(?:assistants?|models?|agents?|systems?|reviewers?|readers?|graders?|tools?|bots?))?'
const commands =
  "(?:you (?:must|should|are)|ignore|disregard|do not|don['’]t|always|never|please|respond|reply|answer|say|output|print|mark|rate|report|treat|stop|forget|recommend|include)"

function addressed(): Rule[] {
  const what = 'an order to a model that reads it'
  const anchors = ['ai', 'a.i', 'llm', 'large language model', 'language model', 'chatbot'].flatMap(
    reader => [`${reader} `, `${reader}:`, `${reader}s`, `${reader}.`],
  )
  return [
    speech(what, anchors, `${readers}\\s{0,2}:\\s{0,4}${commands}\\b`),
    speech(
      what,
      ['if you are a', "if you're a", 'if you are l', 'as a'],
      `(?:if you (?:are|['’]re)|if you['’]re|as)\\s{1,4}(?:an?\\s)?(?:${readers}|automated (?:system|reader|agent|tool|reviewer|grader))\\s{0,2}${words(6)}[^\\s.,;:!?]{0,20},?\\s{1,4}${commands}\\b`,
    ),
    speech(
      what,
      ['instruction', 'note ', 'notes ', 'message ', 'attention', 'dear '],
      `(?:(?:instructions?|notes?|messages?|attention)\\s(?:to|for)\\s|attention\\s|dear\\s)(?:all\\s|any\\s|every\\s|the\\s){0,2}${readers}\\s{0,2}[:,!—-]`,
    ),
  ]
}

function steering(): Rule[] {
  const verdicts =
    '(?:true|false|supported|verified|refuted|correct|confirmed|valid|proven|unsupported|disputed|not enough evidence)'
  const judge =
    '(?:mark|rate|label|classify|treat|report|judge|consider|accept|score|grade|confirm|declare|verify|approve)'
  const say = '(?:respond|reply|answer|output|return|say|print|conclude)'
  const what = 'an order to give a verdict'
  return [
    order(
      what,
      eachOf(judge),
      `${judge}\\s(?:this|the|that|every|all|any)\\s(?:above\\s|following\\s)?(?:claims?|statements?|assertions?|answers?|hypothes[ie]s|submission)\\s(?:above\\s)?(?:as|to be|is)\\s${words(2)}${verdicts}\\b`,
    ),
    order(
      what,
      eachOf(say),
      `${say}\\s(?:(?:only|exactly|just|simply|always|with|the|that|verdict|word|claim|is)\\s){1,5}["'“‘\`]?${verdicts}["'”’\`]?(?=\\s{0,2}(?:[.,;:!)\\n]|and\\b|for (?:this|the|every|all)\\b|$))`,
    ),
  ]
}

/** What stands before an order: the start of a sentence, a word that urges, or who is told to. */
const told =
  /(?:^|[^\w\s,’'-]|[\n\r]|\b(?:please|always|now|then|and|so|just|simply|instead|immediately|also|first|next|finally|instructed to|(?:llms?|ai|assistants?|models?)(?: must| should| will)?)[,:]?)[\s"'“‘`*_>#-]*$/i
/** Who does it by himself, or might. */
const reported =
  /\b(?:will|would|may|might|can|could|they|we|i|did|does|do|not|never|don['’]t|didn['’]t|cannot|who|that|which|it|to|users?|operators?)\s+(?:(?:also|then|and|now|always|just|simply|so)\s+)?$/i
const toYou =
  /\byou(?:['’]ll|\s(?:will|would|may|can|must|should|to|are to|have to|need to|do))\s+(?:(?:always|now|also|just|simply|only)\s+)?$/i

function isOrder(text: string, { start }: Found): boolean {
  const before = text.slice(Math.max(0, start - 40), start)
  if (toYou.test(before)) return true
  return told.test(before) && !reported.test(before)
}
