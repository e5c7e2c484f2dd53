// One item in dispute: what everyone said of it side by side, and the lead's own verdict, which counts over theirs.
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { ItemReply } from '../../../src/core/annotation/lead.ts';
import { AudioPlayer } from '../audio/audioPlayer.tsx';
import { useLoaded, WhenLoaded } from '../frame/loaded.tsx';
import { addressOf } from '../frame/route.ts';
import { useStrings } from '../frame/texts.ts';
import { Conversation } from '../task/conversation.tsx';
import { RichText } from '../text/richText.tsx';
import { Answers } from './answers.tsx';
import { leadApi } from './leadApi.ts';
import { useLeadStrings } from './leadTexts.ts';
import { VerdictForm } from './verdictForm.tsx';

interface AdjudicationProps {
  itemId: string;
  onSessionEnded(): void;
}

export function Adjudication({ itemId, onSessionEnded }: AdjudicationProps) {
  const strings = useLeadStrings();
  const loaded = useLoaded(() => leadApi.item(itemId), itemId, onSessionEnded);
  return (
    <>
      <p>
        <a href={addressOf({ view: 'lead', section: 'disputes', itemId: null })}>← {strings.back}</a>
      </p>
      <WhenLoaded loaded={loaded}>
        {(item) => (
          <>
            <Item item={item} />
            <section aria-labelledby="said">
              <h2 id="said">{strings.whoSaid}</h2>
              <Answers item={item} />
            </section>
            <VerdictForm item={item} onDecided={loaded.replace} />
          </>
        )}
      </WhenLoaded>
    </>
  );
}

function Item({ item }: { item: ItemReply }) {
  const strings = useStrings();
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => heading.current?.focus(), [item.itemId]);
  return (
    <>
      <Conversation messages={item.messages} isPlain={false} headingRef={heading} />
      <h2 class="sr-only">{strings.replies}</h2>
      <div class="cards" data-count={item.candidates.length}>
        {item.candidates.map(({ candidateId, key, text, audio }) => (
          <article key={candidateId} class="card" aria-labelledby={`reply-${candidateId}`}>
            <header>
              <h3 id={`reply-${candidateId}`}>
                <span class="letter" aria-hidden="true">
                  {key}
                </span>
                <span class="sr-only">{strings.reply(key)}</span>
              </h3>
            </header>
            {audio !== undefined && <AudioPlayer candidateId={candidateId} candidateKey={key} src={audio.url} />}
            {text.trim() === '' ? <p class="text muted">{strings.emptyReply}</p> : <RichText text={text} />}
          </article>
        ))}
      </div>
    </>
  );
}
