import { type Links, markupOf as markup } from './markdown.ts';

const markupOf = (text: string, links: Links) => markup(text, { links, topHeading: 3 });

describe('markupOf', () => {
  test('the HTML of a text stays text', () => {
    const found = markupOf('<script>alert(1)</script> <img src=x onerror=alert(1)>', 'inert');
    expect(found).not.toMatch(/<(script|img)/);
    expect(found).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  });

  test('an image is told and not loaded', () => {
    const found = markupOf('![a "cat"](https://example.org/cat.png)', 'live');
    expect(found).not.toContain('<img');
    expect(found).toContain('a &quot;cat&quot; (https://example.org/cat.png)');
  });

  test('a link of a reply shows its address and leads nowhere; one of the guidelines opens apart', () => {
    const inert = markupOf('[click](https://example.org/?a="b")', 'inert');
    expect(inert).not.toContain('<a');
    expect(inert).toContain('click</span> <span class="address">(https://example.org/');
    const live = markupOf('[click](https://example.org/)', 'live');
    expect(live).toContain('<a href="https://example.org/" rel="noopener noreferrer" target="_blank">click</a>');
  });

  test('an address that is a script is no link', () => {
    expect(markupOf('[click](javascript:alert(1))', 'live')).not.toContain('<a');
  });

  test('headings come below those of the page', () => {
    expect(markupOf('# One\n\n###### Six', 'inert')).toBe('<h3>One</h3><h6>Six</h6>');
    expect(markup('# One', { links: 'live', topHeading: 2 })).toBe('<h2>One</h2>');
  });

  test('lists, emphasis, code and line breaks are kept', () => {
    expect(markupOf('- **a**\n- `b`', 'inert')).toContain('<li><strong>a</strong></li>');
    expect(markupOf('one\ntwo', 'inert')).toContain('one<br>\ntwo');
  });
});
