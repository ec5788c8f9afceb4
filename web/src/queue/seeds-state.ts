// The picture whose other seeds are being chosen.
import { create } from 'zustand';
import type { Item } from '@/api/types';

export const useSeeds = create<{ item: Item | null }>()(() => ({ item: null }));
export const openSeeds = (item: Item): void => useSeeds.setState({ item });
export const closeSeeds = (): void => useSeeds.setState({ item: null });
