// The prompt: the conversation up to the turn that the replies answer. Texts only, never markup.
import type { RefObject } from 'preact';
import type { Message } from '../../src/core/records.ts';
import { useStrings } from './texts.ts';

interface ConversationProps {
  messages: ReadonlyArray<Message>;
  headingRef: RefObject<HTMLHeadingElement | null>;
}

export function Conversation({ messages, headingRef }: ConversationProps) {
  const strings = useStrings();
  const isSingleTurn = messages.length === 1;
  return (
    <section class="conversation" aria-labelledby="prompt-heading">
      <h1 id="prompt-heading" class="eyebrow" tabIndex={-1} ref={headingRef}>
        {strings.prompt}
      </h1>
      <ol class={isSingleTurn ? 'turns single' : 'turns'}>
        {messages.map((message, i) => (
          <li key={i} class={`turn ${message.role}`}>
            <span class={isSingleTurn ? 'sr-only' : 'role'}>{strings.roles[message.role]}</span>
            <p class={i === messages.length - 1 ? 'text asked' : 'text'}>{message.content}</p>
          </li>
        ))}
      </ol>
    </section>
  );
}
