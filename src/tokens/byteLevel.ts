// The byte alphabet of byte-level BPE: each of the 256 bytes as one printable character.
// Source of the mapping: Radford et al. (2019), the GPT-2 encoder; Hugging Face's ByteLevel uses the same.

function isPrintable(byte: number): boolean {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
}

/** The character of each byte, by byte value: itself where printable, else 256 + its rank among the others. */
export const BYTE_CHARACTERS: ReadonlyArray<string> = (() => {
  let others = 0;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : 256 + others++));
})();

/** The text's UTF-8 bytes, each as its character. */
export function toByteCharacters(text: string): string {
  let result = '';
  for (const byte of Buffer.from(text, 'utf8')) result += BYTE_CHARACTERS[byte] ?? '';
  return result;
}

/** How GPT-2 splits text into words before merging: contractions, letters, digits, other signs, white space. */
export const WORD_PATTERN = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
