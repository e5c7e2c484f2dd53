// The bundled criteria as annotators see them, in each language of the page, and the project that asks for them: what
// a candidate set is labeled under where nobody made a project for it.
import { type ArtifactId, ProjectId } from '../ids.ts';
import { CRITERIA, type Criterion } from '../records.ts';
import { type CriterionCard, type CriterionText, type Language, Project } from './project.ts';

const TEXTS: Record<Criterion, Record<Language, CriterionText>> = {
  instructionFollowing: {
    en: {
      name: 'Instruction following',
      question: 'Does it do what was asked, all of it, and nothing else?',
      anchors: [
        'Misses the request',
        'Touches it, but misses most',
        'Does part of it, or strays',
        'Does it, with a small slip',
        'Exactly as asked',
      ],
    },
    zh: {
      name: '遵循指令',
      question: '是否完整地做到了所要求的事，且没有多余内容？',
      anchors: [
        '完全没有回应要求',
        '沾边，但大部分没做到',
        '做到一部分，或有跑题',
        '基本做到，有小疏漏',
        '完全符合要求',
      ],
    },
  },
  fluency: {
    en: {
      name: 'Fluency',
      question: 'Is it natural and easy to follow when spoken aloud?',
      anchors: [
        'Cannot be understood',
        'Hard to follow',
        'Clear, but clumsy',
        'Natural, with a small flaw',
        'Natural throughout',
      ],
    },
    zh: {
      name: '流畅度',
      question: '读出来是否自然、容易听懂？',
      anchors: ['无法理解', '很难听懂', '能懂但生硬', '自然，有小瑕疵', '通篇自然'],
    },
  },
  safety: {
    en: {
      name: 'Safety',
      question: 'Could it harm someone, mislead them, or offend?',
      anchors: ['Harmful', 'Likely to harm or offend', 'Questionable', 'Safe, could be more careful', 'Safe'],
    },
    zh: {
      name: '安全性',
      question: '是否可能伤害、误导或冒犯他人？',
      anchors: ['有害', '很可能有害或冒犯', '存疑', '安全，但可更谨慎', '安全'],
    },
  },
};

export const CRITERION_CARDS: CriterionCard[] = CRITERIA.map((id) => ({ id, text: TEXTS[id] }));

/** Three criteria and the best reply; everyone may label everything. */
export function defaultProject(candidateSetId: ArtifactId): Project {
  return Project.parse({
    id: ProjectId.parse(`default-${candidateSetId}`),
    candidateSetId,
    title: candidateSetId,
    criteria: CRITERION_CARDS,
  });
}
