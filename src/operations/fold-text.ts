/** Accents, and what no reader sees: soft hyphens, zero-width spaces, direction marks. */
const IGNORED = /[\p{M}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu
const APOSTROPHES = /[`‘’‚‛‹›ʹʻʼʽ′‵՚ꞌ]/g
const QUOTATION_MARKS = /[“”„‟«»ʺˮ❝❞〝〞〟]/g
const HYPHENS = /[\p{Pd}−⁃]/gu
// U+0085 is the one white space character that `\s` lacks.
const WHITE_SPACE = /[\s\u0085]+/g

/** Most texts have none of these, and are folded ten times as fast. */
const MORE_THAN_CASE = /[^ -_a-~]|^ | {2}| $/

/** Letters that have no compatibility form, in lower case. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  ς: 'σ',
  ł: 'l',
  ø: 'o',
  đ: 'd',
  ħ: 'h',
  ŧ: 't',
  ð: 'd',
  þ: 'th',
  æ: 'ae',
  œ: 'oe',
}
const LETTER = new RegExp(`[${Object.keys(LETTERS).join('')}]`, 'g')

/**
 * The form in which two texts are compared that a person takes for the same: without case, accents, invisible characters
 * and outer white space, with one kind of apostrophe, quotation mark, hyphen and blank. The same in every locale.
 */
export function foldText(text: string): string {
  if (!MORE_THAN_CASE.test(text)) return text.toLowerCase()
  // The compatibility form of ´ is a blank with an accent.
  const lower = text.replaceAll('´', "'").normalize('NFKD').replace(IGNORED, '').toLowerCase()
  return lower
    .replace(LETTER, (letter) => LETTERS[letter] ?? letter)
    .replace(APOSTROPHES, "'")
    .replace(QUOTATION_MARKS, '"')
    .replace(HYPHENS, '-')
    .replace(WHITE_SPACE, ' ')
    .trim()
}
