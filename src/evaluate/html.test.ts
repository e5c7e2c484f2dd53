import { html } from './html.ts';

describe('html', () => {
  test('escapes whatever is put in, in content and in attributes', () => {
    expect(html`<p title="${'"x"'}">${"<b>&'</b>"}</p>`.text).toBe(
      '<p title="&quot;x&quot;">&lt;b&gt;&amp;&#39;&lt;/b&gt;</p>',
    );
  });

  test('keeps markup that was made by a template, joins lists, leaves null out', () => {
    expect(html`<ul>${[html`<li>${1}</li>`, html`<li>${'<'}</li>`]}${null}</ul>`.text).toBe(
      '<ul><li>1</li><li>&lt;</li></ul>',
    );
  });
});
