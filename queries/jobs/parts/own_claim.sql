-- Whether the claim on a job, whose row is c, is one of pgkit's.
EXISTS (SELECT FROM :"schema".pgkit_run r
        WHERE r.app_name = c.app_name AND r.state = ANY (ARRAY['running', 'held']::text[]) AND r.state <> 'succeeded'::text
          AND r.claim = c.ongoing)
