import { preferredLanguage } from './strings.ts';

describe('preferredLanguage', () => {
  test('takes the first language that the page speaks, else English', () => {
    expect(preferredLanguage(['zh-TW', 'en'])).toBe('zh');
    expect(preferredLanguage(['de-DE', 'en-GB', 'zh'])).toBe('en');
    expect(preferredLanguage(['fr'])).toBe('en');
  });
});
