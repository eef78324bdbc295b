// The mark: a W as a route, with the place where it arrives.
export function Mark({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#24498c" />
      <path d="M6.5 9.5 11 22.5l5-11 5 11 4.5-13" fill="none" stroke="#fff" strokeWidth="2.4" strokeLinecap="round" strokeLinejoin="round" />
      <circle cx="25.5" cy="9.5" r="2.9" fill="#f37f60" />
    </svg>
  );
}
