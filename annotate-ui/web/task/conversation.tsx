// The prompt: the conversation up to the turn that the replies answer.
import type { RefObject } from 'preact';
import type { Message } from '../../../src/core/records.ts';
import { useStrings } from '../frame/texts.ts';
import { RichText } from '../text/richText.tsx';

interface ConversationProps {
  messages: ReadonlyArray<Message>;
  isPlain: boolean;
  headingRef?: RefObject<HTMLHeadingElement | null>;
}

export function Conversation({ messages, isPlain, headingRef }: ConversationProps) {
  const strings = useStrings();
  const isSingleTurn = messages.length === 1;
  return (
    <section class="conversation" aria-labelledby="prompt-heading">
      <h1 id="prompt-heading" class="eyebrow" tabIndex={-1} ref={headingRef ?? null}>
        {strings.prompt}
      </h1>
      <ol class={isSingleTurn ? 'turns single' : 'turns'}>
        {messages.map((message, i) => {
          const extra = i === messages.length - 1 ? 'asked' : '';
          return (
            <li key={i} class={`turn ${message.role}`}>
              <span class={isSingleTurn ? 'sr-only' : 'role'}>{strings.roles[message.role]}</span>
              {isPlain ? (
                <p class={`text plain ${extra}`}>{message.content}</p>
              ) : (
                <RichText text={message.content} class={extra} />
              )}
            </li>
          );
        })}
      </ol>
    </section>
  );
}
