------------------------------- MODULE Rollup -------------------------------
(* How several workers count one window: lease, manifest, publish. README.md beside this says what is left out and why. *)
(* An action is one call to the disk or the lake; before the arrow stands the function that makes it.                   *)
EXTENDS Naturals, TLC
CONSTANTS Workers, Rows, Crashes, Lapses,
          Mistake  \* "none", or one of those below: planted, it must be found
VARIABLES arrived,    \* rows of the window that lie in the lake
          claims,     \* token -> "held" or "free": the files of the window's lease
          manifests,  \* generation -> the rows that it counts
          store,      \* what readers see: a generation and its rows
          parts,      \* files beside the window's place, not yet renamed: <<generation, worker>>
          worker,     \* what each worker remembers from one action to the next
          crashes, lapses  \* how many more may happen
vars == <<arrived, claims, manifests, store, parts, worker, crashes, lapses>>

Newest(f) == IF DOMAIN f = {} THEN 0 ELSE CHOOSE n \in DOMAIN f : \A m \in DOMAIN f : m <= n
Counted   == IF DOMAIN manifests = {} THEN {} ELSE manifests[Newest(manifests)]
IsHeld    == IF DOMAIN claims = {} THEN FALSE ELSE claims[Newest(claims)] = "held"
Max(a, b) == IF a > b THEN a ELSE b
Put(f, key, value) == [k \in DOMAIN f \cup {key} |-> IF k = key THEN value ELSE f[k]]
Is(mistake) == Mistake = mistake

Idle == [at |-> "idle", token |-> 0, number |-> 0, rows |-> {}, others |-> {}]
Goes(w, next) == worker' = [worker EXCEPT ![w] = next]
Stops(w) == Goes(w, Idle)
OwnsNewest(w) == worker[w].at # "link" /\ worker[w].token # 0 /\ worker[w].token = Newest(claims)
\* release -> a claim that is given back stays as free, so that its token is not used again.
Releases(w) ==
  /\ Stops(w)
  /\ claims' = IF ~OwnsNewest(w) THEN claims
               ELSE IF Is("a claim is forgotten at once") THEN [t \in DOMAIN claims \ {worker[w].token} |-> claims[t]]
               ELSE Put(claims, worker[w].token, "free")

Init ==
  /\ arrived = {} /\ claims = <<>> /\ manifests = <<>> /\ store = [number |-> 0, rows |-> {}] /\ parts = {}
  /\ worker = [w \in Workers |-> Idle] /\ crashes = Crashes /\ lapses = Lapses

(*** What happens to the workers ***)
Arrive ==
  /\ \E row \in Rows \ arrived : arrived' = arrived \cup {row}
  /\ UNCHANGED <<claims, manifests, store, parts, worker, crashes, lapses>>
\* isClaimed -> the holder was paused, or could not renew, for as long as a lease lasts. It does not know, and goes on.
Lapse ==
  /\ lapses > 0 /\ lapses' = lapses - 1
  /\ \E t \in DOMAIN claims : claims[t] = "held" /\ claims' = Put(claims, t, "free")
  /\ UNCHANGED <<arrived, manifests, store, parts, worker, crashes>>
\* livenessOf -> a process ends anywhere; its claim is free, its part stays. Whoever loses the lease may end so as well.
Crash(w) ==
  /\ crashes > 0 /\ worker[w].at # "idle" /\ crashes' = crashes - 1 /\ Stops(w)
  /\ claims' = IF OwnsNewest(w) THEN Put(claims, worker[w].token, "free") ELSE claims
  /\ UNCHANGED <<arrived, manifests, store, parts, lapses>>

(*** The lease: lease.ts ***)
\* planScheduled, acquire -> something is to be done for the window, and nobody holds its newest claim.
Look(w) ==
  /\ worker[w].at = "idle"
  /\ ~(arrived \subseteq Counted) \/ (store.number < Newest(manifests) /\ ~Is("the plan forgets the store"))
  /\ ~IsHeld
  /\ Goes(w, [Idle EXCEPT !.at = "link", !.token = Newest(claims) + 1])
  /\ UNCHANGED <<arrived, claims, manifests, store, parts, crashes, lapses>>
\* create -> link(2) of the next token: of all who try, one succeeds. Older claims are discarded.
Link(w) ==
  /\ worker[w].at = "link"
  /\ IF worker[w].token \in DOMAIN claims /\ ~Is("a claim is not exclusive")
     THEN Stops(w) /\ UNCHANGED claims
     ELSE /\ Goes(w, [worker[w] EXCEPT !.at = "read"])
          /\ claims' = Put([t \in {t \in DOMAIN claims : t > worker[w].token} |-> claims[t]], worker[w].token, "held")
  /\ UNCHANGED <<arrived, manifests, store, parts, crashes, lapses>>
\* renew -> stops whoever has not the newest claim.
Renew(w) ==
  /\ worker[w].at = "renew"
  /\ IF OwnsNewest(w) THEN claims' = Put(claims, worker[w].token, "held") ELSE UNCHANGED claims
  /\ IF OwnsNewest(w) \/ Is("the lease is not checked at the commit")
     THEN Goes(w, [worker[w] EXCEPT !.at = IF Is("the number is chosen after the renewal") THEN "number" ELSE "commit"])
     ELSE Stops(w)
  /\ UNCHANGED <<arrived, manifests, store, parts, crashes, lapses>>

(*** The manifest: run-window.ts, manifest.ts ***)
\* newest, isCommitted -> what is committed needs to be published only, unless rows came since.
Read(w) ==
  /\ worker[w].at = "read"
  /\ Goes(w, [worker[w] EXCEPT !.number = Newest(manifests),
                               !.at = IF arrived \subseteq Counted THEN "compare" ELSE "compute"])
  /\ UNCHANGED <<arrived, claims, manifests, store, parts, crashes, lapses>>
\* inputsOf -> all rows that have arrived by now.
Compute(w) ==
  /\ worker[w].at = "compute"
  /\ Goes(w, [worker[w] EXCEPT !.rows = arrived,
                               !.at = IF Is("the number is chosen after the renewal") THEN "renew" ELSE "number"])
  /\ UNCHANGED <<arrived, claims, manifests, store, parts, crashes, lapses>>
\* newestGeneration -> one more than what was committed, and than what the store holds by now.
Number(w) ==
  /\ worker[w].at = "number"
  /\ Goes(w, [worker[w] EXCEPT !.number = Max(worker[w].number, store.number) + 1,
                               !.at = IF Is("the number is chosen after the renewal") THEN "commit"
                                      ELSE IF Is("publish before commit") THEN "compare" ELSE "renew"])
  /\ UNCHANGED <<arrived, claims, manifests, store, parts, crashes, lapses>>
\* commit -> put, if absent: whoever is second is superseded.
Commit(w) ==
  /\ worker[w].at = "commit"
  /\ IF worker[w].number \in DOMAIN manifests /\ ~Is("a manifest is put over another")
     THEN Releases(w) /\ UNCHANGED manifests
     ELSE /\ manifests' = Put(manifests, worker[w].number, worker[w].rows)
          /\ Goes(w, [worker[w] EXCEPT !.at = "compare", !.rows = {}]) /\ UNCHANGED claims
  /\ UNCHANGED <<arrived, store, parts, crashes, lapses>>

(*** The store: stores/, publish ***)
Own(w) == <<worker[w].number, w>>
Withdraws(w) == parts' = parts \ {Own(w)} /\ Releases(w)
\* publish -> an older or equal generation changes nothing. Another is written beside the place of the window.
Compare(w) ==
  /\ worker[w].at = "compare"
  /\ IF store.number >= worker[w].number /\ ~Is("publish without comparing") THEN Withdraws(w)
     ELSE /\ Goes(w, [worker[w] EXCEPT !.at = IF Mistake \in {"publish without comparing", "publish without a fence"}
                                              THEN "rename" ELSE "list"])
          /\ parts' = parts \cup {Own(w)} /\ UNCHANGED claims
  /\ UNCHANGED <<arrived, manifests, store, crashes, lapses>>
\* partsOf -> what others have written, and not renamed so far.
List(w) ==
  /\ worker[w].at = "list"
  /\ Goes(w, [worker[w] EXCEPT !.at = IF Is("parts are removed after the look") THEN "check" ELSE "fence",
                               !.others = parts \ {Own(w)}])
  /\ UNCHANGED <<arrived, claims, manifests, store, parts, crashes, lapses>>
\* moveIn -> who wrote them can no longer rename them.
Fence(w) ==
  /\ worker[w].at = "fence"
  /\ Goes(w, [worker[w] EXCEPT !.others = {}, !.at = IF Mistake \in {"parts are removed after the look", "publish without a second look"}
                                                     THEN "rename" ELSE "check"])
  /\ parts' = IF Is("parts are left") THEN parts ELSE parts \ worker[w].others
  /\ UNCHANGED <<arrived, claims, manifests, store, crashes, lapses>>
\* isOutdated -> something as new was published while the part was written.
Check(w) ==
  /\ worker[w].at = "check"
  /\ IF store.number >= worker[w].number THEN Withdraws(w)
     ELSE /\ Goes(w, [worker[w] EXCEPT !.at = IF Is("parts are removed after the look") THEN "fence" ELSE "rename"])
          /\ UNCHANGED <<claims, parts>>
  /\ UNCHANGED <<arrived, manifests, store, crashes, lapses>>
\* rename(2) -> in one step for whoever reads. It fails when the part is gone: the window is planned again.
Rename(w) ==
  /\ worker[w].at = "rename"
  /\ store' = IF Own(w) \notin parts THEN store ELSE
       [number |-> worker[w].number,
        rows |-> IF Is("publish before commit") THEN worker[w].rows ELSE manifests[worker[w].number]]
  /\ IF Is("publish before commit") /\ worker[w].rows # {}
     THEN parts' = parts \ {Own(w)} /\ Goes(w, [worker[w] EXCEPT !.at = "renew"]) /\ UNCHANGED claims
     ELSE Withdraws(w)
  /\ UNCHANGED <<arrived, manifests, crashes, lapses>>

Step(w) == \/ Look(w) \/ Link(w) \/ Renew(w) \/ Read(w) \/ Compute(w) \/ Number(w) \/ Commit(w)
           \/ Compare(w) \/ List(w) \/ Fence(w) \/ Check(w) \/ Rename(w)
Next == Arrive \/ Lapse \/ \E w \in Workers : Step(w) \/ Crash(w)
Spec == Init /\ [][Next]_vars /\ WF_vars(Arrive) /\ \A w \in Workers : WF_vars(Step(w))

(*** What must hold ***)
\* One generation counts, the newest; none is changed or taken back, and no row that was counted is lost.
CountsOnlyMore == [][/\ Newest(manifests') >= Newest(manifests) /\ Counted \subseteq Counted'
                     /\ \A n \in DOMAIN manifests : manifests'[n] = manifests[n]]_vars
\* What readers see is what a manifest names.
PublishedIsCommitted == store.number # 0 => store.number \in DOMAIN manifests /\ store.rows = manifests[store.number]
\* Whoever was paused and wakes puts nothing older over what is there.
StoreOnlyMovesOn == [][store' # store => store'.number > store.number]_vars
\* Once no more happens to the workers, everything that arrived is counted and published, and stays so.
Settles == <>[](arrived = Rows /\ Counted = Rows /\ store.number = Newest(manifests))
=============================================================================
