// The list of flights, as the API tells them: GET /api/flights/search.
const list = document.getElementById('flights');

function show(text) {
  const row = document.createElement('li');
  row.className = 'flight';
  row.textContent = text;
  list.append(row);
}

if (list) {
  const query = new URLSearchParams(location.search);
  query.set('date', new Date(Date.now() + 24 * 3_600_000).toISOString().slice(0, 10));
  const answer = await fetch(`/api/flights/search?${query}`);
  const { flights = [] } = await answer.json();
  for (const { number, departsAt, priceCents } of flights) show(`${number} · ${departsAt} · ${priceCents / 100} USD`);
  if (flights.length === 0) show('None on that day.');
}
