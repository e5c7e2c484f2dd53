// The players on the page, by reply: what a key reaches, and the rule that one sounds at a time.

export interface Player {
  toggle(): void;
  /** Moves by seconds, which may be negative. */
  seek(seconds: number): void;
  changeSpeed(direction: 'slower' | 'faster'): void;
  pause(): void;
}

const players = new Map<string, Player>();

/** @returns what takes it out again */
export function registerPlayer(candidateId: string, player: Player): () => void {
  players.set(candidateId, player);
  return () => {
    if (players.get(candidateId) === player) players.delete(candidateId);
  };
}

export function playerOf(candidateId: string): Player | null {
  return players.get(candidateId) ?? null;
}

export function pauseOthers(candidateId: string): void {
  for (const [id, player] of players) if (id !== candidateId) player.pause();
}
