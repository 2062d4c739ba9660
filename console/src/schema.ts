// Made by tools/types.mjs from /openapi.json. Do not edit.
export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Answer: {
            /** Format: double */
            confidence: number;
            /** @enum {string} */
            kind: "answer" | "clarify" | "flow" | "handoff" | "abstain";
            sources: components["schemas"]["AnswerSource"][];
            text: string;
            trace?: unknown;
        };
        AnswerSource: {
            id: string;
            /** Format: double */
            score: number;
            title?: string;
        };
        AskInputBody: {
            language?: string;
            text: string;
            /** @description Say why, too */
            trace?: boolean;
        };
        Attachment: {
            /** Format: int64 */
            height?: number;
            id: string;
            name?: string;
            sha256: string;
            /** Format: int64 */
            size: number;
            type: string;
            /** Format: int64 */
            width?: number;
        };
        BulkInputBody: {
            /** @enum {string} */
            action: "archive" | "restore" | "category" | "validity";
            category?: string;
            dry_run?: boolean;
            filter?: components["schemas"]["EntryFilter"];
            /** @description Which; absent: those of filter */
            ids?: string[];
            /** @description RFC 3339 time or YYYY-MM-DD */
            valid_from?: string;
            /** @description The first moment no longer valid; a day counts to its end */
            valid_to?: string;
            /** @description IANA zone of days; absent: UTC */
            zone?: string;
        };
        BulkProblem: {
            field: string;
            id: string;
            reason: string;
        };
        BulkReport: {
            /** Format: int64 */
            changed: number;
            /** Format: int64 */
            matched: number;
            /** @description Of entries that could not be changed; the first thousand */
            problems: components["schemas"]["BulkProblem"][];
            /**
             * Format: int64
             * @description The newest after it
             */
            release: number;
            /**
             * Format: int64
             * @description They were so already
             */
            skipped: number;
        };
        Button: {
            label: string;
            value: string;
        };
        Card: {
            action?: components["schemas"]["Button"];
            lines?: components["schemas"]["Field"][];
            title: string;
            type: string;
        };
        CategoryCount: {
            category: string;
            /** Format: int64 */
            entries: number;
        };
        ChangeMeInputBody: {
            /**
             * @description Of the console; empty: the browser's
             * @enum {string}
             */
            language?: "zh" | "en" | "";
            name?: string;
            /** @description What customers may call you instead, by their language; {}: your name */
            names?: {
                [key: string]: string;
            };
            notify?: components["schemas"]["NotifyStruct"];
            /** @enum {string} */
            theme?: "light" | "dark" | "system" | "";
            /** @description IANA name; empty: the browser's */
            zone?: string;
        };
        ChangedEntry: {
            /** Format: int64 */
            at: number;
            /** @description kind:id */
            by: string;
            id: string;
            name?: string;
            question: string;
            /** Format: int64 */
            version: number;
        };
        CheckHit: {
            /** @enum {string} */
            action: "mask" | "block";
            /** Format: int64 */
            end: number;
            /** @description The company's own, if it gave one */
            reason: string;
            /** @description personal: and the kind, or word: and the word */
            rule: string;
            /**
             * Format: int64
             * @description In characters
             */
            start: number;
        };
        CheckInputBody: {
            text: string;
        };
        CheckedReply: {
            /**
             * @description What would be done with it
             * @enum {string}
             */
            action: "pass" | "mask" | "block";
            hits: components["schemas"]["CheckHit"][];
        };
        Column: {
            /** @description Its first values that are not empty */
            examples: string[];
            /** @description The field it seems to hold; empty: none */
            guess: string;
            name: string;
        };
        Columns: {
            columns: components["schemas"]["Column"][];
            /** @enum {string} */
            format: "csv" | "xlsx" | "jsonl";
            /**
             * Format: int64
             * @description Below the header; empty ones are not counted
             */
            row_count: number;
            /** @description The first ones */
            rows: string[][];
        };
        Contact: {
            /** Format: int64 */
            conversations: number;
            /** @description As the host site named them in its signature */
            external_id?: string;
            /** Format: int64 */
            first_seen: number;
            id: string;
            language: string;
            /** Format: int64 */
            last_seen: number;
            /** @description Ranges [from, to) in the name, in characters */
            marks?: number[][];
            /**
             * @description By what a search found them
             * @enum {string}
             */
            matched?: "name" | "external_id" | "phone" | "id_card" | "bank_card";
            name: string;
            site?: string;
            /** @description Of the site they wrote to last */
            zone: string;
        };
        ContactFacts: {
            /** Format: int64 */
            conversations: number;
            /** @description As the host site named them in its signature */
            external_id?: string;
            /** Format: int64 */
            first_seen: number;
            id: string;
            /** @description What they wrote and was sealed; reveal opens it */
            keys: components["schemas"]["SealedKey"][];
            language: string;
            /** Format: int64 */
            last_seen: number;
            /** @description Ranges [from, to) in the name, in characters */
            marks?: number[][];
            /**
             * @description By what a search found them
             * @enum {string}
             */
            matched?: "name" | "external_id" | "phone" | "id_card" | "bank_card";
            name: string;
            site?: string;
            visitors: components["schemas"]["VisitorSeen"][];
            /** @description Of the site they wrote to last */
            zone: string;
        };
        Conversation: {
            agent?: string;
            agent_name?: string;
            /**
             * Format: int64
             * @description The customer's last message
             */
            asked_at?: number;
            contact: string;
            /** Format: int64 */
            episode: number;
            /**
             * Format: int64
             * @description Counts changes of owner
             */
            epoch: number;
            id: string;
            language: string;
            /** @description The contact's, if known */
            name?: string;
            /** Format: int64 */
            opened_at: number;
            /** @enum {string} */
            owner: "bot" | "queue" | "agent" | "closed";
            /** @description Masked beginning of the last message */
            preview: string;
            /** Format: int64 */
            queued_at?: number;
            /**
             * Format: int64
             * @description The last change
             */
            seq: number;
            site: string;
            /**
             * Format: int64
             * @description 1 if the customer wrote something staff have not seen
             */
            unread: number;
            /** Format: int64 */
            updated_at: number;
            visitor: string;
        };
        Delivery: {
            /** Format: int64 */
            attempts: number;
            /**
             * Format: int64
             * @description HTTP status of the last attempt
             */
            code?: number;
            /** Format: int64 */
            created_at: number;
            /** Format: int64 */
            done_at?: number;
            /**
             * Format: int64
             * @description Next attempt
             */
            due_at?: number;
            error?: string;
            event: string;
            id: string;
            /** @enum {string} */
            status: "waiting" | "done" | "failed";
            type: string;
        };
        Ended: {
            /**
             * Format: int64
             * @description Answered, and nothing spoke against it
             */
            assumed: number;
            /** Format: int64 */
            closed: number;
            /**
             * Format: int64
             * @description The customer said it helped
             */
            confirmed: number;
            /** Format: int64 */
            handed_over: number;
            /** Format: int64 */
            left: number;
            /** Format: int64 */
            not_known: number;
        };
        Entry: {
            answer: string;
            category: string;
            /** Format: int64 */
            changed_at: number;
            changed_by: string;
            /** @description Of the content: pass it as if_hash to be told of a change in between */
            hash: string;
            /**
             * Format: int64
             * @description Questions it answered in 30 days; in lists
             */
            hits: number;
            id: string;
            lang: string;
            negative: string[];
            question: string;
            /**
             * Format: int64
             * @description That made it what it is
             */
            release: number;
            similar: string[];
            valid_from?: string;
            valid_to?: string;
            /**
             * Format: int64
             * @description For If-Match of a change
             */
            version: number;
        };
        EntryFilter: {
            /** @description Those that were taken away, as they were last */
            archived?: boolean;
            category?: string;
            lang?: string;
            /** @description In the question, another wording, the answer or the id */
            q?: string;
            /** @description Those that answered nobody in 30 days */
            unused?: boolean;
            /**
             * @description How they stand to their dates; dated: have any
             * @enum {string}
             */
            validity?: "now" | "later" | "over" | "dated";
        };
        EntryInput: {
            answer: string;
            category?: string;
            /** @description Primary tag such as zh or en; guessed if absent */
            lang?: string;
            /** @description Near questions that it does not answer */
            negative?: string[];
            question: string;
            /** @description Other ways to ask it */
            similar?: string[];
            /** @description RFC 3339 time or YYYY-MM-DD */
            valid_from?: string;
            /** @description The first moment it is no longer valid */
            valid_to?: string;
        } & {
            [key: string]: unknown;
        };
        Episode: {
            /**
             * Format: int64
             * @description Absent: it goes on
             */
            closed_at?: number;
            conversation: string;
            handed_over: boolean;
            /** Format: int64 */
            messages: number;
            /** Format: int64 */
            number: number;
            /** Format: int64 */
            opened_at: number;
            /** @enum {string} */
            outcome?: "confirmed" | "assumed" | "handed_over" | "left" | "not_known";
            /** @description Masked beginning of what the customer wrote first */
            preview: string;
            /** Format: int64 */
            rating?: number;
            rating_text?: string;
            site: string;
        };
        ErrorAnswer: {
            error: components["schemas"]["Fault"];
        };
        Event: {
            actor?: string;
            /** Format: int64 */
            at: number;
            conversation?: string;
            data?: unknown;
            id: string;
            /** Format: int64 */
            pos: number;
            subject?: string;
            tenant: string;
            type: string;
            /** Format: int64 */
            version: number;
        };
        EventPage: {
            items: components["schemas"]["Event"][];
            /** @description Pass it as after, now or later */
            next: string;
        };
        Fault: {
            /** @description Of a conflict over one entry: who was faster, and when */
            changed?: components["schemas"]["ChangedEntry"];
            /** @description Of a conflict over several; at most a hundred */
            entries?: components["schemas"]["ChangedEntry"][];
            /** @description The field at fault, if one is */
            field?: string;
            /** @enum {string} */
            kind: "internal" | "invalid" | "not_found" | "conflict" | "denied" | "limited" | "unavailable";
            message: string;
            /** @description Names the request in the server's log */
            request_id: string;
        };
        Field: {
            label: string;
            value: string;
        };
        Form: {
            fields: components["schemas"]["FormField"][];
            id: string;
            title: string;
        };
        FormField: {
            choices?: string[];
            label: string;
            name: string;
            required?: boolean;
            type: string;
        };
        Found: {
            /** Format: int64 */
            at: number;
            contact: string;
            /** @enum {string} */
            from: "customer" | "bot" | "agent" | "system" | "note";
            id: string;
            /** @description Ranges [from, to) in the snippet, in characters */
            marks: number[][];
            /** @description The contact's, if known */
            name?: string;
            /** @enum {string} */
            owner: "bot" | "queue" | "agent" | "closed";
            /**
             * Format: int64
             * @description The message
             */
            seq: number;
            /** @description Of the message, masked, on one line */
            snippet: string;
        };
        FoundEntry: {
            bot: string;
            category: string;
            id: string;
            lang: string;
            /** @description Ranges [from, to) in the question, in characters */
            marks: number[][];
            question: string;
        };
        HireInputBody: {
            email: string;
            name: string;
            /** @description What customers may call them instead, by their language */
            names?: {
                [key: string]: string;
            };
            /** @description To begin with; they can change it */
            password: string;
            roles: ("owner" | "supervisor" | "agent" | "analyst" | "compliance" | "auditor" | "integrator")[];
        };
        HitCandidate: {
            features?: {
                [key: string]: number;
            };
            id: string;
            question: string;
            /**
             * Format: double
             * @description Probability that it answers the question
             */
            score: number;
            /** @description One of its negative wordings is nearer */
            vetoed?: boolean;
            /** @description The nearest of its wordings */
            wording: string;
        };
        HitTest: {
            candidates: components["schemas"]["HitCandidate"][];
            /** Format: double */
            confidence: number;
            /** @enum {string} */
            kind: "answer" | "clarify" | "abstain";
            /** Format: int64 */
            release: number;
            /** @description The answer, if it would give one */
            text: string;
            /** Format: double */
            threshold: number;
        };
        Home: {
            /**
             * Format: int64
             * @description What happened until then is counted
             */
            as_of: number;
            /** @description The last 30, the oldest first */
            days: components["schemas"]["HomeDay"][];
            /**
             * Format: double
             * @description Median time to the bot's reply in the last 30 days
             */
            first_response_ms: number;
            /** @description Conversations opened, by weekday (0 is Sunday) and hour */
            hours: number[][];
            now: components["schemas"]["HomeNow"];
            today: components["schemas"]["HomeDay"];
            yesterday: components["schemas"]["HomeDay"];
        };
        HomeDay: {
            /**
             * Format: int64
             * @description Turns that gave an answer from knowledge
             */
            answered: number;
            /** Format: int64 */
            clarified: number;
            /** Format: int64 */
            conversations: number;
            /** @description YYYY-MM-DD */
            date: string;
            /** @description How the conversations that closed on this day ended, each kind apart */
            ended: components["schemas"]["Ended"];
            /**
             * Format: double
             * @description Median time to the bot's reply; 0: there was none
             */
            first_response_ms: number;
            /** Format: int64 */
            handed_over: number;
            /**
             * Format: int64
             * @description Of customers
             */
            messages: number;
            /** Format: int64 */
            not_known: number;
            /** Format: int64 */
            not_solved: number;
            /**
             * Format: int64
             * @description Answers that customers called solved
             */
            solved: number;
        };
        HomeNow: {
            /** Format: int64 */
            longest_wait_ms: number;
            /** Format: int64 */
            waiting: number;
            /** Format: int64 */
            with_agent: number;
            /** Format: int64 */
            with_bot: number;
        };
        Hours: {
            /** @description Holidays and days with other shifts; the first that matches a date counts */
            special?: components["schemas"]["SpecialDay"][];
            /** @description Shifts of each day of the week; a day left out is closed */
            week?: {
                fri?: string[];
                mon?: string[];
                sat?: string[];
                sun?: string[];
                thu?: string[];
                tue?: string[];
                wed?: string[];
            };
        };
        IdentitySecrets: {
            current: string;
            /** @description Still verifies */
            previous?: string;
        };
        Import: {
            /** @description kind:id of who asked for it */
            actor: string;
            actor_name?: string;
            /** Format: int64 */
            added: number;
            bot: string;
            /** Format: int64 */
            changed: number;
            /** Format: int64 */
            created_at: number;
            /** Format: int64 */
            done: number;
            /** Format: int64 */
            done_at?: number;
            dry_run: boolean;
            /** @description Why the file as a whole could not be imported */
            error?: string;
            /** Format: int64 */
            failed: number;
            id: string;
            /** @description Of the file */
            name: string;
            /** @description By row, the first thousand; not in lists */
            problems: components["schemas"]["Problem"][];
            /**
             * Format: int64
             * @description added + changed + skipped + failed, once it is done
             */
            read: number;
            /**
             * Format: int64
             * @description That it made
             */
            release?: number;
            /**
             * Format: int64
             * @description There already, under this id or with the same content under another
             */
            skipped: number;
            /** @enum {string} */
            status: "waiting" | "running" | "done" | "failed" | "undone";
            /**
             * Format: int64
             * @description Rows; 0 until the file was read
             */
            total: number;
            /** Format: int64 */
            undone_at?: number;
        };
        Key: {
            /** Format: int64 */
            created_at: number;
            created_by: string;
            /** Format: int64 */
            expires_at?: number;
            /** @description The last four characters */
            hint: string;
            id: string;
            name: string;
            /** Format: int64 */
            revoked_at?: number;
            scopes: string[];
            /**
             * Format: int64
             * @description To the minute
             */
            used_at?: number;
        };
        KeyInputBody: {
            /**
             * Format: int64
             * @description 0 or absent: never
             */
            expires_at?: number;
            name: string;
            /** @description Permissions of the key; none that you do not hold */
            scopes: string[];
        };
        MadeKey: {
            /** Format: int64 */
            created_at: number;
            created_by: string;
            /** Format: int64 */
            expires_at?: number;
            /** @description The last four characters */
            hint: string;
            id: string;
            name: string;
            /** Format: int64 */
            revoked_at?: number;
            scopes: string[];
            /** @description Shown this once */
            secret: string;
            /**
             * Format: int64
             * @description To the minute
             */
            used_at?: number;
        };
        MadeWebhook: {
            active: boolean;
            /** Format: int64 */
            created_at: number;
            events: string[];
            /**
             * Format: int64
             * @description Deliveries failed in a row
             */
            failing: number;
            id: string;
            name: string;
            /** @description Signs each request; shown this once */
            secret: string;
            /** Format: int64 */
            updated_at: number;
            url: string;
        };
        Me: {
            /** @description For the header X-CSRF-Token of every request that changes something */
            csrf: string;
            email: string;
            id: string;
            name: string;
            /** @description What customers may call them instead, by their language */
            names: {
                [key: string]: string;
            };
            permissions: string[];
            /** @description How they like their screens */
            profile: components["schemas"]["Profile"];
            roles: string[];
            tenant: string;
        };
        Message: {
            /** Format: int64 */
            at: number;
            author_id?: string;
            /**
             * Format: int64
             * @description Its last change
             */
            change: number;
            client_id?: string;
            /** Format: int64 */
            episode?: number;
            /** @enum {string} */
            from: "customer" | "bot" | "agent" | "system" | "note";
            name?: string;
            parts?: components["schemas"]["Part"][];
            recalled?: boolean;
            redacted?: boolean;
            reply_to?: number[];
            revised?: boolean;
            /** Format: int64 */
            seq: number;
            /**
             * Format: int64
             * @description The customer's word on it: 1 solved, -1 not
             */
            solved?: number;
            text: string;
        };
        Messages: {
            messages: components["schemas"]["Message"][];
            /**
             * Format: int64
             * @description Pass it as after
             */
            seq: number;
        };
        NewEntry: {
            answer: string;
            category?: string;
            /** @description Absent: made of the question. Taken already: a Conflict */
            id?: string;
            /** @description Primary tag such as zh or en; guessed if absent */
            lang?: string;
            /** @description Near questions that it does not answer */
            negative?: string[];
            question: string;
            /** @description Other ways to ask it */
            similar?: string[];
            /** @description RFC 3339 time or YYYY-MM-DD */
            valid_from?: string;
            /** @description The first moment it is no longer valid */
            valid_to?: string;
        } & {
            [key: string]: unknown;
        };
        NoteInputBody: {
            client_id?: string;
            text: string;
        };
        Notify: {
            /** @description By the desktop's notifications */
            desktop: boolean;
            /** @description Messages in my conversations */
            mine: boolean;
            sound: boolean;
            /** @description A count in the window's title */
            title: boolean;
            /** @description Customers who begin to wait */
            waiting: boolean;
        };
        NotifyStruct: {
            desktop?: boolean;
            mine?: boolean;
            sound?: boolean;
            title?: boolean;
            waiting?: boolean;
        };
        Order: {
            currency: string;
            lines: components["schemas"]["Field"][];
            number: string;
            /** Format: int64 */
            placed_at: number;
            /** @description The shop's word for it */
            status: string;
            /** @description The same in the asked language */
            status_label: string;
            title: string;
            /**
             * Format: int64
             * @description In the currency's smallest unit
             */
            total: number;
            url?: string;
        };
        OrdersOf: {
            /** @description False: the company has no shop connected */
            available: boolean;
            /** @description The newest first */
            orders: components["schemas"]["Order"][];
        };
        PageCategoryCount: {
            items: components["schemas"]["CategoryCount"][];
            /** @description Cursor of the next page; absent on the last */
            next?: string;
        };
        PageContact: {
            items: components["schemas"]["Contact"][];
            /** @description Cursor of the next page; absent on the last */
            next?: string;
        };
        PageConversation: {
            items: components["schemas"]["Conversation"][];
            /** @description Cursor of the next page; absent on the last */
            next?: string;
        };
        PageDelivery: {
            items: components["schemas"]["Delivery"][];
            /** @description Cursor of the next page; absent on the last */
            next?: string;
        };
        PageEntry: {
            items: components["schemas"]["Entry"][];
            /** @description Cursor of the next page; absent on the last */
            next?: string;
        };
        PageEpisode: {
            items: components["schemas"]["Episode"][];
            /** @description Cursor of the next page; absent on the last */
            next?: string;
        };
        PageImport: {
            items: components["schemas"]["Import"][];
            /** @description Cursor of the next page; absent on the last */
            next?: string;
        };
        PageKey: {
            items: components["schemas"]["Key"][];
            /** @description Cursor of the next page; absent on the last */
            next?: string;
        };
        PagePublished: {
            items: components["schemas"]["Published"][];
            /** @description Cursor of the next page; absent on the last */
            next?: string;
        };
        PageSession: {
            items: components["schemas"]["Session"][];
            /** @description Cursor of the next page; absent on the last */
            next?: string;
        };
        PageSite: {
            items: components["schemas"]["Site"][];
            /** @description Cursor of the next page; absent on the last */
            next?: string;
        };
        PageStaff: {
            items: components["schemas"]["Staff"][];
            /** @description Cursor of the next page; absent on the last */
            next?: string;
        };
        PageString: {
            items: string[];
            /** @description Cursor of the next page; absent on the last */
            next?: string;
        };
        PageTrace: {
            items: components["schemas"]["Trace"][];
            /** @description Cursor of the next page; absent on the last */
            next?: string;
        };
        PageUnanswered: {
            items: components["schemas"]["Unanswered"][];
            /** @description Cursor of the next page; absent on the last */
            next?: string;
        };
        PageWebhook: {
            items: components["schemas"]["Webhook"][];
            /** @description Cursor of the next page; absent on the last */
            next?: string;
        };
        Part: {
            attachment?: components["schemas"]["Attachment"];
            buttons?: components["schemas"]["Button"][];
            card?: components["schemas"]["Card"];
            form?: components["schemas"]["Form"];
            kind: string;
            sources?: components["schemas"]["Source"][];
            text?: string;
        };
        PasswordInputBody: {
            current: string;
            password: string;
        };
        PatchSiteInputBody: {
            bot?: string;
            hours?: components["schemas"]["Hours"];
            languages?: string[];
            name?: {
                [key: string]: string;
            };
            origins?: string[];
            settings?: components["schemas"]["SettingsStruct"];
            zone?: string;
        };
        Preview: {
            /**
             * Format: int64
             * @description When the oldest of them was asked; 0 if there are none
             */
            asked_since: number;
            /** @description Those that would be dealt with differently; the most asked first, at most 200 */
            changed: components["schemas"]["PreviewShift"][];
            /**
             * Format: int64
             * @description How many those are in all
             */
            changed_total: number;
            /**
             * Format: int64
             * @description Different questions looked at, the last asked first; at most 500
             */
            n: number;
        };
        PreviewInputBody: {
            delete?: boolean;
            entry?: components["schemas"]["EntryInput"];
            /** @description The entry that is changed or taken away; absent: a new one */
            id?: string;
        };
        PreviewShift: {
            after: components["schemas"]["PreviewSide"];
            /**
             * Format: int64
             * @description How often it is among the questions looked at
             */
            asked: number;
            before: components["schemas"]["PreviewSide"];
            /** @description Masked */
            question: string;
        };
        PreviewSide: {
            /** @enum {string} */
            decision: "answer" | "clarify" | "abstain" | "handoff" | "flow" | "chitchat" | "notice";
            /** @description That answers, or is nearest */
            entry?: string;
            /**
             * Format: double
             * @description Probability that it is right
             */
            score: number;
            /** @description Its question */
            title?: string;
        };
        Problem: {
            field: string;
            reason: string;
            /** Format: int64 */
            row: number;
        };
        Profile: {
            /**
             * @description Absent: the browser's
             * @enum {string}
             */
            language?: "zh" | "en";
            notify: components["schemas"]["Notify"];
            /** @enum {string} */
            theme?: "light" | "dark" | "system";
            /** @description IANA name; absent: the browser's */
            zone?: string;
        };
        Published: {
            actor: string;
            /** Format: int64 */
            added: number;
            /** Format: int64 */
            at: number;
            /** Format: int64 */
            changed: number;
            /** Format: int64 */
            number: number;
            reason: string;
            /** Format: int64 */
            removed: number;
            /** Format: int64 */
            source?: number;
        };
        ReleaseNumber: {
            /** Format: int64 */
            release: number;
        };
        Replay: {
            differences: components["schemas"]["ReplayDifference"][];
            /** @description All that went in was recorded; else it was run on the nearest there is, and notes say what */
            exact: boolean;
            /** @description What the turn amounts to now */
            kind: string;
            notes: components["schemas"]["ReplayNote"][];
            /** Format: int64 */
            release: number;
            /** @description What it says now */
            replies: string[];
            /** @description It came out as it did */
            same: boolean;
            trace: unknown;
        };
        ReplayDifference: {
            after: string;
            before: string;
            /** @description kind, reply 1, candidate 2 .. */
            field: string;
        };
        ReplayNote: {
            /** @enum {string} */
            code: "not_recorded" | "changed_message" | "missing_message" | "unreadable";
            text: {
                [key: string]: string;
            };
        };
        ReplyInputBody: {
            /** @description Ids of uploaded attachments */
            attachments?: string[];
            /** @description Your name for the message: the same one twice is the same message */
            client_id?: string;
            text?: string;
        };
        Report: {
            /** Format: int64 */
            added: number;
            /** Format: int64 */
            changed: number;
            /** Format: int64 */
            failed: number;
            problems: components["schemas"]["Problem"][];
            /** Format: int64 */
            read: number;
            /** Format: int64 */
            release: number;
            /** Format: double */
            seconds: number;
            /** Format: int64 */
            skipped: number;
        };
        RevealInputBody: {
            /** @description Why; it is kept */
            reason: string;
            /** @description As it stands in the message: <phone:1> */
            token: string;
        };
        Revealed: {
            value: string;
        };
        ReviseInputBody: {
            text: string;
        };
        Rights: {
            permissions: string[];
            /** @description In the order people choose from */
            roles: components["schemas"]["RoleRights"][];
            /** @description Those an API key may have */
            scopes: string[];
        };
        RoleRights: {
            permissions: string[];
            role: string;
        };
        RotateInputBody: {
            /** @description The secret in use leaked: it stops to verify at once */
            drop?: boolean;
        };
        RotateWebhookInputBody: {
            /**
             * Format: int64
             * @description How long deliveries are signed with the former secret as well; absent: 24. 0: it leaked
             */
            hours?: number;
        };
        RotatedSecret: {
            /**
             * Format: int64
             * @description Until then, requests are signed with the former one as well
             */
            previous_until?: number;
            /** @description Signs each request; shown this once */
            secret: string;
        };
        SealedKey: {
            /** Format: int64 */
            at: number;
            conversation: string;
            /** @description phone, id_card, bank_card */
            kind: string;
            /** @description As it stands in the conversation: <phone:1> */
            token: string;
        };
        SearchResult: {
            /** @description False: there is more than is shown */
            complete: boolean;
            contacts: components["schemas"]["Contact"][];
            /** @description The newest message first */
            conversations: components["schemas"]["Found"][];
            entries: components["schemas"]["FoundEntry"][];
            /** Format: double */
            took_ms: number;
        };
        Sent: {
            /** Format: int64 */
            seq: number;
        };
        Session: {
            browser: string;
            /** Format: int64 */
            created_at: number;
            /** @description The one that asks */
            current: boolean;
            /** Format: int64 */
            expires_at: number;
            id: string;
            ip: string;
            /** Format: int64 */
            seen_at: number;
        };
        SetPasswordInputBody: {
            password: string;
        };
        Settings: {
            /** @description Accent, #rrggbb */
            colour?: string;
            /** @description Address of a picture: https:// or a path of this server */
            logo?: string;
            /** @description Texts by name: greeting, offline, placeholder .. */
            texts?: {
                [key: string]: {
                    [key: string]: string;
                };
            };
        };
        SettingsStruct: {
            colour?: string;
            logo?: string;
            /** @description By name, such as greeting; those not named stay, an empty one goes */
            texts?: {
                [key: string]: {
                    [key: string]: string;
                };
            };
        };
        Settlement: {
            /** @description Done: the entry that answers it now */
            entry?: string;
            /** @description In your own words */
            reason?: string;
            /**
             * @description Done opens again when it is asked again; ignored does not
             * @enum {string}
             */
            status: "open" | "done" | "ignored";
        };
        SetupDone: {
            site: string;
            /** @description What the script of the company's pages names */
            site_key: string;
            staff: string;
            tenant: string;
        };
        SetupInputBody: {
            company: string;
            email: string;
            name: string;
            password: string;
            /**
             * @description IANA name of the company's zone
             * @default Asia/Shanghai
             */
            zone?: string;
        };
        SetupState: {
            /** @description No owner was made yet */
            needed: boolean;
        };
        SignInInputBody: {
            email: string;
            password: string;
        };
        Site: {
            /** @default default */
            bot?: string;
            /** Format: int64 */
            created_at: number;
            hours?: components["schemas"]["Hours"];
            id: string;
            /** @description Public and unique; what the page's script names */
            key: string;
            /** @description The default first */
            languages: string[];
            /** @description By language */
            name: {
                [key: string]: string;
            };
            open_now: boolean;
            /** @description Pages that may embed the widget: https://shop.example.com or https://*.example.com */
            origins?: string[];
            settings?: components["schemas"]["Settings"];
            /**
             * Format: int64
             * @description Pass it as base of an update to be told of a change in between
             */
            updated_at: number;
            /** @description IANA name */
            zone: string;
        };
        SiteInput: {
            /** @default default */
            bot?: string;
            hours?: components["schemas"]["Hours"];
            /** @description Public and unique; what the page's script names */
            key: string;
            /** @description The default first */
            languages: string[];
            /** @description By language */
            name: {
                [key: string]: string;
            };
            /** @description Pages that may embed the widget: https://shop.example.com or https://*.example.com */
            origins?: string[];
            settings?: components["schemas"]["Settings"];
            /** @description IANA name */
            zone: string;
        };
        Source: {
            id: string;
            /** Format: double */
            score: number;
            title: string;
            url?: string;
        };
        SpecialDay: {
            /** @description YYYY-MM-DD */
            date: string;
            name?: {
                [key: string]: string;
            };
            spans?: string[];
            /** @description Last day of a range, YYYY-MM-DD */
            until?: string;
        };
        Staff: {
            /** Format: int64 */
            created_at: number;
            email: string;
            id: string;
            name: string;
            /** @description What customers may call them instead, by their language */
            names: {
                [key: string]: string;
            };
            roles: string[];
            /** @enum {string} */
            status: "active" | "disabled";
            /** Format: int64 */
            updated_at: number;
        };
        StaffChangeInputBody: {
            name?: string;
            /** @description All of them; those not named go */
            names?: {
                [key: string]: string;
            };
            roles?: ("owner" | "supervisor" | "agent" | "analyst" | "compliance" | "auditor" | "integrator")[];
            /** @enum {string} */
            status?: "active" | "disabled";
        };
        StaffTicket: {
            /** @description For GET /v1/staff/socket?ticket=T, within 30 seconds, once */
            ticket: string;
        };
        State: {
            /** Format: int64 */
            as_of: number;
            /**
             * @description Of the worst part
             * @enum {string}
             */
            level: "ok" | "degraded" | "down";
            /** @description The worst first */
            parts: components["schemas"]["StatePart"][];
        };
        StatePart: {
            /** @enum {string} */
            level: "ok" | "degraded" | "down";
            /** @enum {string} */
            part: "database" | "figures" | "search" | "webhooks" | "imports" | "staff" | "knowledge";
            /**
             * Format: int64
             * @description If known
             */
            since?: number;
            /** @description What it means, and what to do */
            text: {
                [key: string]: string;
            };
            title: {
                [key: string]: string;
            };
        };
        TestInputBody: {
            lang?: string;
            text: string;
        };
        Trace: {
            /** Format: int64 */
            at: number;
            /** @description What went in and why it came out so */
            body: unknown;
            /** Format: int64 */
            release: number;
            /** @description Messages it made */
            replies: number[];
            /** @description Messages it took */
            seqs: number[];
            /** Format: int64 */
            turn: number;
        };
        Unanswered: {
            /** Format: int64 */
            at: number;
            /** @description The last in which it was asked */
            conversation: string;
            /**
             * Format: int64
             * @description How often it was asked like this
             */
            count: number;
            /** @description What answers it now */
            entry?: string;
            id: string;
            language: string;
            /** @description Why it was settled so */
            reason?: string;
            /** @enum {string} */
            status: "open" | "done" | "ignored";
            /** @description Masked */
            text: string;
        };
        VisitorSeen: {
            conversation?: string;
            /** Format: int64 */
            first_seen: number;
            id: string;
            /** Format: int64 */
            last_seen: number;
            /** @description Where they were last, if the widget says */
            page?: string;
            site: string;
        };
        Webhook: {
            active: boolean;
            /** Format: int64 */
            created_at: number;
            events: string[];
            /**
             * Format: int64
             * @description Deliveries failed in a row
             */
            failing: number;
            id: string;
            name: string;
            /** Format: int64 */
            updated_at: number;
            url: string;
        };
        WebhookInput: {
            /** @description Absent: true */
            active?: boolean;
            /** @description Event types; absent: all */
            events?: ("conversation.opened" | "conversation.owned" | "conversation.closed" | "conversation.rated" | "conversation.read" | "message.received" | "message.sent" | "message.changed" | "turn.completed" | "answer.rated" | "effect.requested" | "effect.done" | "knowledge.changed" | "release.published" | "visitor.identified" | "visitor.tracked" | "staff.signed_in" | "staff.signed_out" | "staff.sign_in_failed" | "config.changed" | "sealed.revealed" | "person.erased")[];
            name?: string;
            /** @description https:// address that events are posted to */
            url: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
