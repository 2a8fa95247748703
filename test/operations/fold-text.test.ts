import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { foldText } from '../../src/operations/fold-text.ts'

/** What a keyboard has, and what is stored: each finds the other. */
const SAME: readonly (readonly [typed: string, stored: string])[] = [
  // Case
  ['acme', 'ACME'],
  ['élan', 'ÉLAN'],
  ['москва', 'МОСКВА'],
  ['αθηνα', 'ΑΘΗΝΑ'],
  ['ԵՐԵՎԱՆ', 'երեվան'],
  ['istanbul', 'İstanbul'],
  // Accents
  ['societe generale', 'Société Générale'],
  ['Zurich', 'Zürich'],
  ['uber', 'U\u0308ber'],
  ['Malaga', 'Málaga'],
  ['senor', 'Señor'],
  ['Tran Nguyen', 'Trần Nguyễn'],
  ['cafe', 'cafe\u0301'],
  ['Αθηνα', 'Αθήνα'],
  ['garcon', 'garçon'],
  ['angstrom', 'Ångström'],
  // Letters without a compatibility form
  ['strasse', 'Straße'],
  ['STRASSE', 'STRAẞE'],
  ['Lodz', 'Łódź'],
  ['ORSTED', 'Ørsted'],
  ['Sorensen', 'Sørensen'],
  ['Dordevic', 'Đorđević'],
  ['aeon', 'Æon'],
  ['oeuvre', 'Œuvre'],
  ['Thor', 'Þór'],
  ['Hal Far', 'Ħal Far'],
  ['Sudurland', 'Suðurland'],
  ['Tromso', 'Tromsǿ'],
  // Final sigma
  ['παππας', 'Παππάσ'],
  ['ΠΑΠΠΑΣ', 'Παππάς'],
  ['Οδυσσευς', 'ΟΔΥΣΣΕΥΣ'],
  // Compatibility forms
  ['Tokyo', 'Ｔｏｋｙｏ'],
  ['Finance', 'ﬁnance'],
  ['1st', '1ˢᵗ'],
  ['H2O', 'H₂O'],
  ['Angstrom', '\u212bngstrom'],
  ['カタカナ', 'ｶﾀｶﾅ'],
  ['No 5', '№ 5'],
  ['TM', '™'],
  ['Kelvin', '\u212aelvin'],
  // Apostrophes
  ["O'Brien", 'O’Brien'],
  ["O'Brien", 'O‘Brien'],
  ["O'Brien", 'OʼBrien'],
  ["O'Brien", 'O＇Brien'],
  ["O'Brien", 'O´Brien'],
  ["O'Brien", 'O`Brien'],
  ["O'Brien", 'O′Brien'],
  ["O'Brien", 'O‛Brien'],
  ["Hawai'i", 'Hawaiʻi'],
  ["D'Angelo", 'D’Àngelo'],
  // Quotation marks
  ['"Blue"', '“Blue”'],
  ['"Blue"', '„Blue“'],
  ['"Blue"', '«Blue»'],
  ['"Blue"', '＂Blue＂'],
  ['"Blue"', '‟Blue‟'],
  ["'Blue'", '‚Blue‘'],
  ["'Blue'", '‹Blue›'],
  // Hyphens
  ['Coca-Cola', 'Coca‐Cola'],
  ['Coca-Cola', 'Coca‑Cola'],
  ['Coca-Cola', 'Coca‒Cola'],
  ['Rock-Paper', 'Rock–Paper'],
  ['Rock-Paper', 'Rock—Paper'],
  ['Rock-Paper', 'Rock―Paper'],
  ['Rock-Paper', 'Rock－Paper'],
  ['Rock-Paper', 'Rock−Paper'],
  ['Rock-Paper', 'Rock﹣Paper'],
  // White space
  ['acme eu', 'acme  eu'],
  ['acme eu', ' acme eu'],
  ['acme eu ', 'acme eu'],
  ['acme\n', 'acme'],
  ['acme eu', 'acme\u00a0eu'],
  ['acme eu', 'acme\u3000eu'],
  ['acme eu', 'acme\u2009\u202feu'],
  ['acme\teu', 'acme eu'],
  ['acme eu', 'acme\u0085eu'],
  ['acme eu', 'acme\u2028eu'],
  // Format characters
  ['acme', 'ac\u00adme'],
  ['acme', 'ac\u200bme'],
  ['acme', '\u200eacme\u200f'],
  ['acme', 'ac\u2060me'],
  ['acme', '\ufeffacme'],
  ['acme', 'ac\ufeffme'],
  ['acme', 'ac\u200dme'],
  ['acme', '\u202eacme\u202c'],
  ['acme', 'ac\u034fme'],
  ['acme', 'acme\ufe0f'],
  ['acme', 'ac\u{e0061}me'],
  ['acme eu', 'acme \u200b eu'],
]

describe('two texts that a person takes for the same have one fold', () => {
  test.each(SAME)('%j and %j', (typed, stored) => {
    expect(foldText(typed)).toBe(foldText(stored))
  })

  test('in 60 cases at least', () => {
    expect(new Set(SAME.map((pair) => pair.join('\0'))).size).toBeGreaterThanOrEqual(60)
  })
})

test.each([
  ['Coca-Cola', 'CocaCola'],
  ['Rock-Paper', 'Rock Paper'],
  ["O'Brien", 'OBrien'],
  ["O'Brien", 'O Brien'],
  ["'Blue'", '"Blue"'],
  ['"Blue"', 'Blue'],
  ['acme eu', 'acmeeu'],
  ['ı', 'i'],
  ['ışık', 'isik'],
  ['ŋ', 'n'],
  ['и', 'n'],
  ['&', 'and'],
  ['a.b', 'ab'],
  ['カ', 'か'],
])('%j and %j stay different', (one, other) => {
  expect(foldText(one)).not.toBe(foldText(other))
})

test.each(['', ' ', '\u0301', '\u200b', '\ufeff\u00ad', '\u3164', ' \u00a0\n'])('nothing is left of %j', (text) => {
  expect(foldText(text)).toBe('')
})

/** The characters of all planes that Unicode has filled, but for surrogates. */
const EVERY_CHARACTER = [
  [0, 0xd7ff],
  [0xe000, 0x2fa1f],
  [0xe0000, 0xe0fff],
].flatMap(([from = 0, to = 0]) => Array.from({ length: to - from + 1 }, (_, at) => String.fromCodePoint(from + at)))

test('characters that case, accents and compatibility forms make equal are equal, but for U+FEFF and the acute accent', () => {
  const foldCoarsely = (text: string) =>
    text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/\s+/g, ' ')
  const folds = new Map<string, string>()
  const differing: string[] = []
  for (const character of EVERY_CHARACTER) {
    const before = foldCoarsely(`a${character}a`)
    const after = foldText(`a${character}a`)
    if ((folds.get(before) ?? after) !== after) differing.push(character)
    else folds.set(before, after)
  }
  expect(differing).toEqual(['\u00b4', '\ufeff'])
}, 60_000)

test('a fold is its own fold, whatever the character', () => {
  const differing = EVERY_CHARACTER.filter((character) => {
    const folded = foldText(`x${character}y`)
    return foldText(folded) !== folded
  })
  expect(differing).toEqual([])
}, 60_000)

const LETTERS = Array.from('abcxyzÀÉîõüñçşřłŁøØđĐßŒæåΑΒΓΣάέςσЖйёЯԱբ東京ハ김치नि0129&.,🚀')
const EXCHANGED = ["'’‘ʼ＇´", '"“”„«»＂', '-‐‑‒–—―－'].map((kinds) => Array.from(kinds))
const BLANKS = [' ', '\u00a0', '\u3000', '\t', '  ']
const INVISIBLE = ['\u00ad', '\u200b', '\u200d', '\ufeff', '\u2060']

const variant = (kinds: readonly string[]) => fc.tuple(fc.constantFrom(...kinds), fc.constantFrom(...kinds))
const letter = fc
  .tuple(fc.constantFrom(...LETTERS), fc.constantFrom('asIs', 'upper', 'lower', 'bare', 'split'))
  .map(([character, how]): [string, string] => {
    if (how === 'upper') return [character, character.toUpperCase()]
    if (how === 'lower') return [character, character.toLowerCase()]
    const split = character.normalize('NFD')
    return [character, how === 'split' ? split : how === 'bare' ? split.replace(/\p{M}/gu, '') : character]
  })
const invisible = fc.constantFrom(...INVISIBLE).map((character): [string, string] => [character, ''])
const part = fc.oneof({ weight: 6, arbitrary: letter }, ...EXCHANGED.map(variant), variant(BLANKS), invisible)

test('a name finds itself in any case, without accents, with other punctuation and outer white space', () => {
  const property = fc.property(
    fc.array(part, { minLength: 1, maxLength: 40 }),
    fc.constantFrom('', ' ', '\n', '\u00a0 '),
    fc.constantFrom('', ' ', '\t'),
    (parts, before, after) => {
      const stored = parts.map(([character]) => character).join('')
      const typed = before + parts.map(([, character]) => character).join('') + after
      expect(foldText(typed)).toBe(foldText(stored))
    },
  )
  fc.assert(property, { numRuns: 5_000, seed: 20261129 })
}, 60_000)
