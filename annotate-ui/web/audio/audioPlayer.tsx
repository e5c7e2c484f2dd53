// A reply that is heard: waveform, place, speed. Where the sound cannot be decoded for drawing, the browser's own player.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useStrings } from '../frame/texts.ts';
import { pauseOthers, registerPlayer } from './players.ts';
import { clockTime, nextSpeed, OUTLINE_HEIGHT, outlineOf, peaksOf, SPEEDS } from './waveform.ts';

interface AudioPlayerProps {
  candidateId: string;
  candidateKey: string;
  src: string;
}

const SLICES = 120;
const SEEK_STEP_SECONDS = 0.1;
/** Decoding resamples to this; enough for a drawing. */
const DRAWING_RATE = 16_000;

async function outlineFrom(src: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(src, { credentials: 'same-origin', signal });
  if (!response.ok) throw new Error(`the sound did not come: ${response.status}`);
  const sound = await new OfflineAudioContext(1, 1, DRAWING_RATE).decodeAudioData(await response.arrayBuffer());
  return outlineOf(peaksOf(sound.getChannelData(0), SLICES));
}

export function AudioPlayer({ candidateId, candidateKey, src }: AudioPlayerProps) {
  const strings = useStrings();
  const audio = useRef<HTMLAudioElement>(null);
  const [outline, setOutline] = useState<string | 'failed' | null>(null);
  const [isPlaying, setPlaying] = useState(false);
  const [place, setPlace] = useState({ now: 0, whole: 0 });
  const [speed, setSpeed] = useState(1);

  useEffect(() => {
    const leaving = new AbortController();
    outlineFrom(src, leaving.signal).then(setOutline, () => {
      if (!leaving.signal.aborted) setOutline('failed');
    });
    return () => leaving.abort();
  }, [src]);

  const element = () => audio.current;
  const toggle = () => {
    const sound = element();
    if (sound === null) return;
    // A refusal to play (no such sound, no leave to make noise) shows as the button that stays.
    if (sound.paused) sound.play().catch(() => setPlaying(false));
    else sound.pause();
  };
  const seekTo = (seconds: number) => {
    const sound = element();
    if (sound === null) return;
    sound.currentTime = Math.min(Math.max(seconds, 0), Number.isFinite(sound.duration) ? sound.duration : 0);
    setPlace({ now: sound.currentTime, whole: sound.duration });
  };
  const changeSpeed = (next: number) => {
    const sound = element();
    if (sound !== null) sound.playbackRate = next;
    setSpeed(next);
  };

  useLayoutEffect(() =>
    registerPlayer(candidateId, {
      toggle,
      seek: (seconds) => seekTo((element()?.currentTime ?? 0) + seconds),
      changeSpeed: (direction) => changeSpeed(nextSpeed(speed, direction)),
      pause: () => element()?.pause(),
    }),
  );

  const read = () => {
    const sound = element();
    if (sound !== null) setPlace({ now: sound.currentTime, whole: sound.duration });
  };
  const isDrawn = outline !== 'failed';
  const share = place.whole > 0 ? place.now / place.whole : 0;
  return (
    <div class="audio">
      {/* biome-ignore lint/a11y/useMediaCaption: a reply of a model has no captions; its text stands below where there is one */}
      <audio
        ref={audio}
        src={src}
        preload="auto"
        controls={!isDrawn}
        aria-label={strings.reply(candidateKey)}
        onPlay={() => {
          pauseOthers(candidateId);
          setPlaying(true);
        }}
        onPause={() => setPlaying(false)}
        onTimeUpdate={read}
        onLoadedMetadata={read}
      />
      {isDrawn && (
        <button type="button" class="play" aria-label={strings.audio.play(candidateKey, isPlaying)} onClick={toggle}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d={isPlaying ? 'M7 5h4v14H7zM13 5h4v14h-4z' : 'M8 5l11 7-11 7z'} />
          </svg>
        </button>
      )}
      {isDrawn && (
        <div class="wave">
          <svg viewBox={`0 0 ${SLICES} ${OUTLINE_HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
            <path d={outline ?? ''} />
            <path d={outline ?? ''} class="played" style={{ clipPath: `inset(0 ${100 - share * 100}% 0 0)` }} />
          </svg>
          <input
            type="range"
            min={0}
            max={Number.isFinite(place.whole) ? place.whole : 0}
            step={SEEK_STEP_SECONDS}
            value={place.now}
            aria-label={strings.audio.place(candidateKey)}
            aria-valuetext={strings.audio.at(clockTime(place.now), clockTime(place.whole))}
            onInput={(event) => seekTo(Number(event.currentTarget.value))}
          />
        </div>
      )}
      {isDrawn && (
        <span class="time" aria-hidden="true">
          {clockTime(place.now)} / {clockTime(place.whole)}
        </span>
      )}
      <select
        aria-label={strings.audio.speed(candidateKey)}
        value={speed}
        onChange={(event) => changeSpeed(Number(event.currentTarget.value))}
      >
        {SPEEDS.map((known) => (
          <option key={known} value={known}>
            {known}×
          </option>
        ))}
      </select>
    </div>
  );
}
